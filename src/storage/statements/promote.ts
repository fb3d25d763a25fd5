import { type Queryable, run } from './statement.ts'
import { intoReady } from './unfinished.ts'

/** Timers that are due. They enter ready as due now: with their old time they would hide below the floor. */
export const promoteFunction = `
create or replace function promote_due(lim int) returns setof uuid language sql as $$
  with ripe as (select * from timer where due <= now() order by due limit lim for update skip locked),
  del as (delete from timer t using ripe where t.due = ripe.due and t.project_id = ripe.project_id and t.operation_id = ripe.operation_id returning t.*),
  ins as (${intoReady('attempt, failures, crashes')} from del)
  select distinct project_id from del $$`

/** Up to `limit` that became due, in these projects. */
export async function promote(db: Queryable, limit: number): Promise<string[]> {
  const rows = await run<{ id: string }>(db, 'promote', 'select promote_due as id from promote_due($1)', [limit])
  return rows.map((row) => row.id)
}
