import { dateArray, uuidArray } from './arrays.ts'
import { byKey, type Queryable, run } from './statement.ts'

/**
 * A stored result. `response` is the message, or a google.rpc.Status when `code` is not 0. `cachedFrom`: the operation whose answer
 * it is, when that came from the cache.
 */
export type StoredResult = {
  operationId: string
  code: number
  response: Buffer
  model: string
  cachedFrom: string | null
  version: number
}

/** There is no such operation any more. */
export type Gone = { operationId: string; code: null }

export const resultsFunction = `
create or replace function stored_results(p uuid[], i uuid[], d date[])
returns table (id uuid, code smallint, response bytea, model text, cached_from uuid, version int) language plpgsql stable ${byKey} as $$
begin
  return query
    select u.i, r.code, r.response, r.model, r.cached_from, o.version
    from unnest(p, i, d) as u(p, i, d)
    left join operation o on o.project_id = u.p and o.id = u.i and o.day = u.d
    left join result r on r.project_id = u.p and r.id = u.i and r.day = u.d
    where r.id is not null or o.id is null;
end $$`

const text =
  'select id as "operationId", code, response, model, cached_from as "cachedFrom", version from stored_results($1, $2, $3)'

/** The results that exist among the named operations, and those of them that do not exist themselves. */
export async function results(
  db: Queryable,
  operations: readonly { projectId: string; operationId: string; day: string }[],
): Promise<(StoredResult | Gone)[]> {
  return run<StoredResult | Gone>(db, 'results', text, [
    uuidArray(operations.map((o) => o.projectId)),
    uuidArray(operations.map((o) => o.operationId)),
    dateArray(operations.map((o) => o.day)),
  ])
}
