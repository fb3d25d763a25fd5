import { byKey, type Queryable, run } from './statement.ts'

/** `moving`: the operation is on its way from one table to another: ask again. */
export type Cancelled = 'cancelled' | 'ended' | 'moving' | 'missing'

/**
 * Moves an operation from wherever it is to result, in one statement, since it may be on its way between tables. 1 is
 * CANCELLED. An attempt that runs loses its lease with it, and can store nothing any more.
 */
export const cancelFunction = `
create or replace function cancel(p uuid, i uuid, d date, status bytea) returns text language plpgsql ${byKey} as $$
declare n int;
begin
  with q as (delete from ready where project_id = p and operation_id = i returning attempt),
  t as (delete from timer where project_id = p and operation_id = i returning attempt),
  l as (delete from lease where project_id = p and operation_id = i returning attempt)
  insert into result (project_id, id, day, attempt, code, response, model)
    select p, i, d, attempt, 1, status, '' from (select * from q union all select * from t union all select * from l) as found;
  get diagnostics n = row_count;
  return case when n > 0 then 'cancelled'
    when exists (select 1 from result where project_id = p and id = i and day = d) then 'ended'
    when exists (select 1 from operation where project_id = p and id = i and day = d) then 'moving' else 'missing' end;
end $$`

export async function cancel(
  db: Queryable,
  { projectId, operationId, day }: { projectId: string; operationId: string; day: string },
  status: Uint8Array,
): Promise<Cancelled> {
  const values = [projectId, operationId, day, Buffer.from(status)]
  const rows = await run<{ end: Cancelled }>(db, 'cancel', 'select cancel($1, $2, $3, $4) as "end"', values)
  return rows[0]?.end ?? 'missing'
}
