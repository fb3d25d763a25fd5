import { byKey, type Queryable, run } from './statement.ts'
import { intoTimer } from './unfinished.ts'

/**
 * What a dead replica or a hung attempt held, in one guarded statement. Lost replica: a crash, the third ends the operation.
 * Hung: a failure. What is neither detached nor waited for elsewhere has nobody to collect it and ends. The statuses are
 * google.rpc.Status bytes; 10 is ABORTED, 4 DEADLINE_EXCEEDED. Replicas that hold leases are found by skipping through their
 * index: what the living hold is not read.
 *
 * What a lost replica held comes back spread over some seconds: within one, replicas that were killed at intervals were hit at the
 * same moment of their work again, and 26 of 20,000 operations lost their third replica in some 100 kills.
 */
export const reapFunction = `
create or replace function reap(lim int, lost_status bytea, hung_status bytea) returns int language plpgsql ${byKey} as $$
declare gone uuid[]; n int;
begin
  with recursive holder as (
    (select replica_id from lease order by replica_id limit 1)
    union all
    select (select l.replica_id from lease l where l.replica_id > h.replica_id order by l.replica_id limit 1) from holder h where h.replica_id is not null)
  select coalesce(array_agg(h.replica_id), '{}') into gone from holder h
    where h.replica_id is not null and not exists (select 1 from replica r where r.id = h.replica_id and r.expires_at >= now());

  with dead as (
    select l.project_id, l.operation_id, true as lost from lease l where l.replica_id = any (gone)
    union
    select l.project_id, l.operation_id, false from lease l where l.deadline_at < now() and l.replica_id <> all (gone)
    order by 1, 2 limit lim),
  held as (select l.project_id, l.operation_id, dead.lost from dead join lease l on l.project_id = dead.project_id and l.operation_id = dead.operation_id
           where l.replica_id = any (gone) or l.deadline_at < now()
           order by 1, 2 for update of l skip locked),
  del as (delete from lease l using held where l.project_id = held.project_id and l.operation_id = held.operation_id
          returning l.project_id, l.operation_id, l.day, l.priority, l.max_failures, l.detached, l.attempt_timeout, l.expires_at, l.queue_timeout,
            l.origin, l.attempt, held.lost, l.crashes + held.lost::int as crashed, l.failures + (not held.lost)::int as failed,
            l.detached or exists (select 1 from replica r where r.id = l.origin and r.expires_at >= now()) as wanted),
  ended as (insert into result (project_id, id, day, attempt, code, response, model)
            select project_id, operation_id, day, attempt, case when lost then 10 else 4 end,
              case when lost then lost_status else hung_status end, '' from del
            where not wanted or crashed >= 3 or failed >= max_failures returning 1),
  again as (${intoTimer("now() + interval '1 s' * case when lost then 5 else 1 end * power(2, least(crashed + failed, 8) - 1) * random()", 'attempt, failed, crashed')} from del
            where wanted and crashed < 3 and failed < max_failures returning 1)
  select count(*)::int into n from del;
  return n;
end $$`

/** Returns how many leases were taken away. */
export async function reap(db: Queryable, limit: number, lost: Uint8Array, hung: Uint8Array): Promise<number> {
  const values = [limit, Buffer.from(lost), Buffer.from(hung)]
  const rows = await run<{ n: number }>(db, 'reap', 'select reap($1, $2, $3) as n', values)
  return rows[0]?.n ?? 0
}
