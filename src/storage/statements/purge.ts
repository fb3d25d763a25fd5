import { type Queryable, run } from './statement.ts'

/** Deletes expired idempotency keys, at most `limit`. Returns how many. */
export async function purgeKeys(db: Queryable, limit: number): Promise<number> {
  const text = `with old as (select project_id, method, key from idempotency where expires_at < now() order by expires_at limit $1
      for update skip locked),
    del as (delete from idempotency i using old where (i.project_id, i.method, i.key) = (old.project_id, old.method, old.key) returning 1)
    select count(*)::int as n from del`
  const rows = await run<{ n: number }>(db, 'purge_keys', text, [limit])
  return rows[0]?.n ?? 0
}
