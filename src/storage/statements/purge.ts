import { type Queryable, run } from './statement.ts'

/** Deletes expired idempotency keys, at most `limit`. Returns how many. */
export async function purgeKeys(db: Queryable, limit: number): Promise<number> {
  const text = `with old as (select project_id, method, key from idempotency where expires_at < now() order by expires_at limit $1
      for update skip locked),
    del as (delete from idempotency i using old where (i.project_id, i.method, i.key) = (old.project_id, old.method, old.key) returning 1)
    select count(*)::int as n from del`
  return counted(db, 'purge_keys', text, [limit])
}

/** Takes expired answers out of the cache, at most `limit`. Returns how many. */
export async function purgeAnswers(db: Queryable, limit: number): Promise<number> {
  const text = `with old as (select project_id, method, version, fingerprint from answer_cache where expires_at < now()
      order by expires_at limit $1 for update skip locked),
    del as (delete from answer_cache a using old where (a.project_id, a.method, a.version, a.fingerprint) =
      (old.project_id, old.method, old.version, old.fingerprint) returning 1)
    select count(*)::int as n from del`
  return counted(db, 'purge_answers', text, [limit])
}

/** Forgets whose the completions of deleted operations were, when their days ended longer ago than `keepDays`: at most `limit`. */
export async function purgeDeleted(db: Queryable, keepDays: number, limit: number): Promise<number> {
  const text = `with old as (select project_id, id, day from deleted_operation
      where day < (now() at time zone 'UTC')::date - $1::int limit $2 for update skip locked),
    del as (delete from deleted_operation x using old where (x.project_id, x.id, x.day) = (old.project_id, old.id, old.day) returning 1)
    select count(*)::int as n from del`
  return counted(db, 'purge_deleted', text, [keepDays, limit])
}

async function counted(db: Queryable, name: string, text: string, values: unknown[]): Promise<number> {
  const rows = await run<{ n: number }>(db, name, text, values)
  return rows[0]?.n ?? 0
}
