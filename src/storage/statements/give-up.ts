import { byKey, type Queryable, run } from './statement.ts'

/**
 * Ends what has waited in the queue for longer than it may (4 is DEADLINE_EXCEEDED), and what has nobody to collect it since
 * the replica on which its caller waited is gone (10 is ABORTED). The statuses are google.rpc.Status bytes. Replicas on which
 * callers wait are found by skipping through their index: nothing else in the queue is read.
 */
export const giveUpFunction = `
create or replace function give_up(lim int, late_status bytea, lost_status bytea) returns int language plpgsql ${byKey} as $$
declare gone uuid[]; n int;
begin
  with recursive waiting as (
    (select origin from ready where origin is not null order by origin limit 1)
    union all
    select (select q.origin from ready q where q.origin > w.origin order by q.origin limit 1) from waiting w where w.origin is not null)
  select coalesce(array_agg(w.origin), '{}') into gone from waiting w
    where w.origin is not null and not exists (select 1 from replica r where r.id = w.origin and r.expires_at >= now());

  with late as (select q.project_id, q.operation_id, 4 as code from ready q where q.give_up_at < now()
                order by q.give_up_at limit lim for update skip locked),
  left_alone as (select q.project_id, q.operation_id, 10 as code from ready q
                 where q.origin = any (gone) and (q.give_up_at >= now()) is true limit lim for update skip locked),
  over as (select * from late union all select * from left_alone),
  del as (delete from ready q using over where q.project_id = over.project_id and q.operation_id = over.operation_id
          returning q.project_id, q.operation_id, q.day, q.attempt, over.code),
  ins as (insert into result (project_id, id, day, attempt, code, response, model)
          select project_id, operation_id, day, attempt, code, case when code = 4 then late_status else lost_status end, '' from del)
  select count(*)::int into n from del;
  return n;
end $$`

/** Returns how many ended, at most twice the limit. */
export async function giveUp(db: Queryable, limit: number, late: Uint8Array, lost: Uint8Array): Promise<number> {
  const values = [limit, Buffer.from(late), Buffer.from(lost)]
  const rows = await run<{ n: number }>(db, 'give_up', 'select give_up($1, $2, $3) as n', values)
  return rows[0]?.n ?? 0
}
