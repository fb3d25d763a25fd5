import { type Queryable, run } from './statement.ts'

/**
 * Gives leased work back unharmed: what is detached becomes due at once and counts as neither failure nor crash; the
 * rest has nobody to collect it and ends with the given status.
 */
export const giveBackFunction = `
create or replace function give_back(ids uuid[], who uuid, lost smallint, lost_status bytea) returns int language sql as $$
  with held as (select project_id, operation_id from lease where replica_id = who and operation_id = any (ids)
                order by 1, 2 for update),
  del as (delete from lease l using held where l.project_id = held.project_id and l.operation_id = held.operation_id returning l.*),
  again as (insert into ready (project_id, priority, due, operation_id, day, attempt, failures, max_failures, crashes, detached, attempt_timeout, expires_at)
    select project_id, priority, now(), operation_id, day, attempt, failures, max_failures, crashes, detached, attempt_timeout, expires_at
    from del where detached),
  ended as (insert into result (project_id, id, day, attempt, code, response, model)
    select project_id, operation_id, day, attempt, lost, lost_status, '' from del where not detached)
  select count(*)::int from del $$`

/** Returns how many leases were given up. Ids that this replica does not hold are passed over. */
export async function giveBack(
  db: Queryable,
  operationIds: readonly string[],
  replicaId: string,
  lost: { code: number; status: Uint8Array },
): Promise<number> {
  const values = [operationIds, replicaId, lost.code, Buffer.from(lost.status)]
  const rows = await run<{ n: number }>(db, 'give_back', 'select give_back($1, $2, $3, $4) as n', values)
  return rows[0]?.n ?? 0
}
