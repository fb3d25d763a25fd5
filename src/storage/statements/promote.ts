import { type Queryable, run } from './statement.ts'

/** Timers that are due. They enter ready as due now: with their old time they would hide below the floor. */
export const promoteFunction = `
create or replace function promote(lim int) returns int language sql as $$
  with ripe as (select * from timer where due <= now() order by due limit lim for update skip locked),
  del as (delete from timer t using ripe where t.due = ripe.due and t.project_id = ripe.project_id and t.operation_id = ripe.operation_id returning t.*),
  ins as (insert into ready (project_id, priority, due, operation_id, day, attempt, failures, max_failures, crashes, detached, attempt_timeout, expires_at)
          select project_id, priority, now(), operation_id, day, attempt, failures, max_failures, crashes, detached, attempt_timeout, expires_at from del)
  select count(*)::int from del $$`

/** Returns how many became due. */
export async function promote(db: Queryable, limit: number): Promise<number> {
  const rows = await run<{ n: number }>(db, 'promote', 'select promote($1) as n', [limit])
  return rows[0]?.n ?? 0
}
