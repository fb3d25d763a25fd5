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

/** `$from, …`: so many parameters. */
export function placeholders(from: number, count: number): string {
  return Array.from({ length: count }, (_, n) => `$${from + n}`).join(', ')
}

/**
 * For functions that look rows up by key. Tables that are empty, or were when they were last analysed, make the planner prefer
 * scans and hashes over all rows: settle then slowed down by a millisecond for every 2,000 results. A generic plan is made
 * once per connection; a batch's arrays are never worth another. Before PostgreSQL 18 what is off counts as very expensive, which
 * would have every call compiled: so no JIT.
 */
export const byKey = `
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off`

/**
 * That `l` is the lease of the row `of`, its columns p and i the project and the operation. Where `lease` was empty when it was last
 * vacuumed, the planner would rather read all of it through an index, in its order or by replica, and compare each lease with
 * each row of a batch: with 10,000 leases that takes seconds. This form it can use to look leases up by key, and for nothing
 * else; for the same reason `(l.replica_id = who) is true` stands beside it.
 */
export const leaseOf = (of: string): string =>
  `l.project_id = any(array[${of}.p]) and l.operation_id = any(array[${of}.i])`
