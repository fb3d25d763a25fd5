import { type Change, changes } from '../../storage/statements/changes.ts'
import type { OperationRow } from '../../storage/statements/operation-row.ts'
import { findOperations } from '../../storage/statements/operations.ts'
import type { Queryable } from '../../storage/statements/statement.ts'

/** A change with its operation as it stands now. */
export type News = { key: string; atMs: number; row: OperationRow }

const maxRead = 1_000

export const keyOf = ({ id, kind }: Change): string => `${id} ${kind}`

/**
 * The operations of changes, in the order of the changes' times. What has ended since it was accepted is news once: when it ended.
 * What was deleted is none.
 */
export async function newsOf(db: Queryable, projectId: string, found: readonly Change[]): Promise<News[]> {
  const rows = new Map<string, OperationRow>()
  const named = [...new Map(found.map((change) => [change.id, change])).values()]
  for (let from = 0; from < named.length; from += maxRead) {
    for (const row of await findOperations(db, projectId, named.slice(from, from + maxRead), 'error'))
      rows.set(row.id, row)
  }
  return found
    .toSorted((a, b) => a.atMs - b.atMs)
    .flatMap((change) => {
      const row = rows.get(change.id)
      if (!row || (change.kind === 'accepted' && row.code !== null)) return []
      return [{ key: keyOf(change), atMs: change.atMs, row }]
    })
}

/** Changes of one project between two times, a bounded part at a time; without an end, up to what is committed now. */
export async function* replay(
  db: Queryable,
  projectId: string,
  fromMs: number,
  beforeMs: number | undefined,
): AsyncGenerator<{ news: News[]; upToMs: number | undefined }> {
  let at = fromMs
  let spanMs = 60_000
  for (;;) {
    const end = beforeMs === undefined || at + spanMs < beforeMs ? at + spanMs : beforeMs
    const last = beforeMs === undefined || end >= beforeMs
    const until = beforeMs === undefined ? undefined : end
    const limit = beforeMs !== undefined && spanMs > leastSpanMs ? maxPart : undefined
    const found = await changes(db, [projectId], { fromMs: at, beforeMs: until, limit })
    if (limit !== undefined && found.length >= limit) {
      spanMs = Math.max(leastSpanMs, spanMs / 8)
      continue
    }
    yield { news: await newsOf(db, projectId, found), upToMs: until }
    if (last) return
    at = end
    if (found.length < maxPart / 8) spanMs = Math.min(spanMs * 4, greatestSpanMs)
  }
}

const maxPart = 5_000
/** So short a time is read whatever it holds: a batch has one time. */
const leastSpanMs = 100
const greatestSpanMs = 86_400_000
