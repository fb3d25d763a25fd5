import { byKey, type Queryable, run } from './statement.ts'

export type Deleted = 'deleted' | 'unfinished' | 'missing'

/** Deletes an operation that has ended, with its result. Its key stays taken, and its completions stay in the ledger. */
export const deleteFunction = `
create or replace function delete_operation(p uuid, i uuid, d date) returns text language plpgsql ${byKey} as $$
begin
  delete from result where project_id = p and id = i and day = d;
  if found then
    delete from operation where project_id = p and id = i and day = d;
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
    'delete_operation',
    'select delete_operation($1, $2, $3) as "end"',
    values,
  )
  return rows[0]?.end ?? 'missing'
}
