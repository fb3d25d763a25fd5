import { type Queryable, run } from './statement.ts'

/** A stored result. `response` is the message, or a google.rpc.Status when `code` is not 0. */
export type StoredResult = { operationId: string; code: number; response: Buffer; model: string; version: number }

const text = `select r.id as "operationId", r.code, r.response, r.model, o.version
  from unnest($1::uuid[], $2::uuid[], $3::date[]) as u(p, i, d)
  join result r on r.project_id = u.p and r.id = u.i and r.day = u.d
  join operation o on o.project_id = u.p and o.id = u.i and o.day = u.d`

/** The results that exist among the named operations. */
export async function results(
  db: Queryable,
  operations: readonly { projectId: string; operationId: string; day: string }[],
): Promise<StoredResult[]> {
  return run<StoredResult>(db, 'results', text, [
    operations.map((o) => o.projectId),
    operations.map((o) => o.operationId),
    operations.map((o) => o.day),
  ])
}
