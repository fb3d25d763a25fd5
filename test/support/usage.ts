import { rollUpUsage } from '../../src/storage/statements/roll-up.ts'
import type { Queryable } from '../../src/storage/statements/statement.ts'

/** Counts all of the ledger that can be counted now: once to set the bound, then until it is reached. */
export async function rollUp(db: Queryable, limit = 1_000): Promise<void> {
  for (let turn = 0; turn < 100; turn++) if (!(await rollUpUsage(db, limit)) && turn > 0) return
  throw new Error('the count does not end')
}
