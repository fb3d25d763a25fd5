import { dateArray, uuidArray } from './arrays.ts'
import { byKey, type Queryable, run } from './statement.ts'

/** A stored result. `response` is the message, or a google.rpc.Status when `code` is not 0. */
export type StoredResult = { operationId: string; code: number; response: Buffer; model: string; version: number }

export const resultsFunction = `
create or replace function stored_results(p uuid[], i uuid[], d date[])
returns table (id uuid, code smallint, response bytea, model text, version int) language plpgsql stable ${byKey} as $$
begin
  return query
    select r.id, r.code, r.response, r.model, o.version
    from unnest(p, i, d) as u(p, i, d)
    join result r on r.project_id = u.p and r.id = u.i and r.day = u.d
    join operation o on o.project_id = u.p and o.id = u.i and o.day = u.d;
end $$`

const text = 'select id as "operationId", code, response, model, version from stored_results($1, $2, $3)'

/** The results that exist among the named operations. */
export async function results(
  db: Queryable,
  operations: readonly { projectId: string; operationId: string; day: string }[],
): Promise<StoredResult[]> {
  return run<StoredResult>(db, 'results', text, [
    uuidArray(operations.map((o) => o.projectId)),
    uuidArray(operations.map((o) => o.operationId)),
    dateArray(operations.map((o) => o.day)),
  ])
}
