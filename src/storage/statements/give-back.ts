import { int4Array, uuidArray } from './arrays.ts'
import { byKey, leaseOf, type Queryable, run } from './statement.ts'
import { intoReady } from './unfinished.ts'

/**
 * Gives leased work back unharmed, each lease named with the attempt that fences it: what is detached, or has its caller on
 * the replica that queued it, becomes due at once and counts as neither failure nor crash; the rest has nobody to collect it
 * and ends with the given status. So does what a caller here is known not to wait for in the queue.
 */
export const giveBackFunction = `
create or replace function give_back(p uuid[], i uuid[], a int[], who uuid, lost smallint, lost_status bytea) returns int language plpgsql ${byKey} as $$
declare n int;
begin
  with held as (select l.project_id, l.operation_id from unnest(p, i, a) as u(p, i, a)
                join lease l on ${leaseOf('u')} and l.attempt = u.a and (l.replica_id = who) is true
                order by 1, 2 for update of l),
  del as (delete from lease l using held where l.project_id = held.project_id and l.operation_id = held.operation_id returning l.*),
  again as (${intoReady('attempt, failures, crashes')} from del where detached or origin is not null),
  ended as (insert into result (project_id, id, day, attempt, code, response, model)
    select project_id, operation_id, day, attempt, lost, lost_status, '' from del where not (detached or origin is not null)),
  unseen as (delete from ready q using unnest(p, i) as u(p, i)
    where q.project_id = any(array[u.p]) and q.operation_id = any(array[u.i]) and (q.origin = who) is true returning q.*),
  unheard as (insert into result (project_id, id, day, attempt, code, response, model)
    select project_id, operation_id, day, attempt, lost, lost_status, '' from unseen)
  select count(*)::int into n from del;
  return n;
end $$`

/** Returns how many leases were given up. Leases that this replica does not hold, or holds under another attempt by now, are passed over. */
export async function giveBack(
  db: Queryable,
  leases: readonly { projectId: string; operationId: string; attempt: number }[],
  replicaId: string,
  lost: { code: number; status: Uint8Array },
): Promise<number> {
  const values = [
    uuidArray(leases.map((l) => l.projectId)),
    uuidArray(leases.map((l) => l.operationId)),
    int4Array(leases.map((l) => l.attempt)),
    replicaId,
    lost.code,
    Buffer.from(lost.status),
  ]
  const rows = await run<{ n: number }>(db, 'give_back', 'select give_back($1, $2, $3, $4, $5, $6) as n', values)
  return rows[0]?.n ?? 0
}
