import { uuidArray } from './arrays.ts'
import { firstIdAt, lastIdAt } from './id-bounds.ts'
import type { Queryable } from './statement.ts'

/** An operation was accepted, or it ended. */
export type Change = { projectId: string; id: string; day: string; kind: 'accepted' | 'ended'; atMs: number }

/**
 * Milliseconds since 1970 before which nothing can be committed any more: whatever is accepted or ends has the time at which its
 * transaction began, and is seen when that commits. A transaction that is left open elsewhere holds this back by a minute, which is
 * longer than a statement of Deed's may run.
 */
export async function settledHorizon(db: Queryable): Promise<number> {
  const text = `
    select floor(extract(epoch from greatest(now() - interval '60 s', least(now() - interval '1 s', min(xact_start)))) * 1000)::float8 as ms
    from pg_stat_activity where datname = current_database() and backend_type = 'client backend'`
  const { rows } = await db.query<{ ms: number }>({ name: 'settled_horizon', text, query_timeout: 5_000 })
  if (!rows[0]) throw new Error('pg_stat_activity does not know this connection')
  return rows[0].ms
}

/** How many milliseconds before a change can be found by the time in its operation's id: longer ones are found by their ends. */
const maxAcceptMs = 12_000

/** What changed in projects from a time on and before another, in any order, `limit` of each kind at the most. */
export async function changes(
  db: Queryable,
  projectIds: readonly string[],
  { fromMs, beforeMs, limit }: { fromMs: number; beforeMs: number | undefined; limit: number | undefined },
): Promise<Change[]> {
  const values: unknown[] = [uuidArray(projectIds)]
  const add = (value: unknown) => `$${values.push(value)}`
  const time = (ms: number) => `to_timestamp(${add(ms)}::float8 / 1000)`
  const first = firstIdAt(fromMs, maxAcceptMs)
  const last = beforeMs === undefined ? undefined : lastIdAt(beforeMs)
  const cut = limit === undefined ? '' : `limit ${add(limit)}`
  const from = time(fromMs)
  const before = beforeMs === undefined ? undefined : time(beforeMs)
  const text = `
    (select project_id as "projectId", id, day::text as day, 'accepted' as kind, (extract(epoch from accepted_at) * 1000)::float8 as "atMs"
      from operation where project_id = any ($1::uuid[]) and id >= ${add(first.id)} and day >= ${add(first.day)}
      ${last ? `and id <= ${add(last.id)} and day <= ${add(last.day)}` : ''}
      and accepted_at >= ${from} ${before ? `and accepted_at < ${before}` : ''} ${cut})
    union all
    (select project_id, id, day::text, 'ended', (extract(epoch from settled_at) * 1000)::float8
      from result where project_id = any ($1::uuid[]) and settled_at >= ${from} ${before ? `and settled_at < ${before}` : ''} ${cut})`
  return (await db.query<Change>({ text, values, query_timeout: 30_000 })).rows
}
