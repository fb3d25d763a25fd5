import type { QueryConfig } from 'pg'

/** What runs a statement: the pool that MikroORM's driver made, or one of its clients inside a transaction. */
export type Queryable = {
  query<R extends object>(config: QueryConfig & { query_timeout?: number }): Promise<{ rows: R[] }>
}

/** Milliseconds that a hot statement may take before its connection is given up. */
export const statementTimeoutMs = 5_000

/** Runs a named prepared statement, so that each connection parses and plans it once. */
export async function run<R extends object>(
  db: Queryable,
  name: string,
  text: string,
  values: unknown[],
): Promise<R[]> {
  return (await db.query<R>({ name, text, values, query_timeout: statementTimeoutMs })).rows
}
