import { byKey, type Queryable, run } from './statement.ts'

export type Deleted = 'deleted' | 'unfinished' | 'missing'

/**
 * Deletes an operation that has ended, with its result and items, which no later call gets from the cache then. Its key stays
 * taken, its completions stay in the ledger, and whose they are is kept for it.
 */
export const deleteFunction = `
create or replace function remove_operation(p uuid, i uuid, d date) returns text language plpgsql ${byKey} as $$
begin
  delete from result where project_id = p and id = i and day = d;
  if found then
    with gone as (delete from operation where project_id = p and id = i and day = d returning project_id, id, day, contract, method, api_key_id)
    insert into deleted_operation (project_id, id, day, contract, method, api_key_id) select * from gone on conflict do nothing;
    delete from item where project_id = p and operation_id = i and day = d;
    delete from answer_cache where project_id = p and operation_id = i;
    return 'deleted';
  end if;
  return case when exists (select 1 from operation where project_id = p and id = i and day = d) then 'unfinished' else 'missing' end;
end $$`

export async function deleteOperation(
  db: Queryable,
  { projectId, operationId, day }: { projectId: string; operationId: string; day: string },
): Promise<Deleted> {
  const values = [projectId, operationId, day]
  const rows = await run<{ end: Deleted }>(
    db,
    'remove_operation',
    'select remove_operation($1, $2, $3) as "end"',
    values,
  )
  return rows[0]?.end ?? 'missing'
}
