import { type Queryable, run } from './statement.ts'

/**
 * What a dead replica or a hung attempt held, in one guarded statement. Lost replica: a crash, the third ends the operation.
 * Hung: a failure. What is not detached has nobody to collect it and ends. The statuses are google.rpc.Status bytes;
 * 10 is ABORTED, 4 DEADLINE_EXCEEDED.
 */
export const reapFunction = `
create or replace function reap(lim int, lost_status bytea, hung_status bytea) returns int language sql as $$
  with dead as (select l.project_id, l.operation_id, r.id is null or r.expires_at < now() as lost from lease l left join replica r on r.id = l.replica_id
                where r.id is null or r.expires_at < now() or l.deadline_at < now()
                order by 1, 2 limit lim for update of l skip locked),
  del as (delete from lease l using dead where l.project_id = dead.project_id and l.operation_id = dead.operation_id
          returning l.*, dead.lost, l.crashes + dead.lost::int as crashed, l.failures + (not dead.lost)::int as failed),
  ended as (insert into result (project_id, id, day, attempt, code, response, model)
            select project_id, operation_id, day, attempt, case when lost then 10 else 4 end,
              case when lost then lost_status else hung_status end, '' from del
            where not detached or crashed >= 3 or failed >= max_failures returning 1),
  again as (insert into timer (due, project_id, operation_id, priority, day, attempt, failures, max_failures, crashes, detached, attempt_timeout, expires_at)
            select now() + interval '1 s' * power(2, least(crashed + failed, 8) - 1) * random(), project_id, operation_id, priority, day,
              attempt, failed, max_failures, crashed, detached, attempt_timeout, expires_at from del
            where detached and crashed < 3 and failed < max_failures returning 1)
  select count(*)::int from del $$`

/** Returns how many leases were taken away. */
export async function reap(db: Queryable, limit: number, lost: Uint8Array, hung: Uint8Array): Promise<number> {
  const values = [limit, Buffer.from(lost), Buffer.from(hung)]
  const rows = await run<{ n: number }>(db, 'reap', 'select reap($1, $2, $3) as n', values)
  return rows[0]?.n ?? 0
}
