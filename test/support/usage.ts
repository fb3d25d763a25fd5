import { setTimeout as delay } from 'node:timers/promises'
import { rollUpUsage } from '../../src/storage/statements/roll-up.ts'
import type { Queryable } from '../../src/storage/statements/statement.ts'

/**
 * Counts all that the ledger holds now. The count waits for transactions of the whole cluster, which is shared by tests that run
 * at the same time, so one turn may not be enough.
 */
export async function rollUp(db: Queryable, limit = 1_000): Promise<void> {
  const { rows } = await db.query<{ last: string }>({
    text: 'select case when is_called then last_value else 0 end as last from completion_place',
  })
  await turnsUntil(async () => {
    await rollUpUsage(db, limit)
    const { rows: cursors } = await db.query<{ counted: string }>({ text: 'select counted from usage_cursor' })
    return BigInt(cursors[0]?.counted ?? 0) >= BigInt(rows[0]?.last ?? 0)
  })
}

/** Tries for 20 seconds at the most. */
export async function turnsUntil(turn: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + 20_000
  while (!(await turn())) {
    if (performance.now() > until) throw new Error('the count does not end')
    await delay(10)
  }
}
