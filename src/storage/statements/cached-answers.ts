import { byKey, type Queryable, run } from './statement.ts'

/** A request as the cache tells it from others. `method` is `package.Service/Method`, `fingerprint` that of the idempotency keys. */
export type CacheKey = { projectId: string; method: string; version: number; fingerprint: Buffer }

/** The result of the operation `operationId`, which was answered by `model`. */
export type CachedAnswer = { operationId: string; response: Buffer; model: string }

/**
 * The result itself is not copied: what was deleted, or is past the retention, is in no cache. What repeats an operation by hand
 * asks for a new answer and finds none.
 */
export const cachedAnswerFunction = `
create or replace function cached_answer(p uuid, m text, v int, f bytea, i uuid, d date)
returns table (operation_id uuid, response bytea, model text) language plpgsql stable ${byKey} as $$
begin
  return query
    select r.id, r.response, r.model from answer_cache c
    join result r on r.project_id = c.project_id and r.id = c.operation_id and r.day = c.day and r.code = 0
    where c.project_id = p and c.method = m and c.version = v and c.fingerprint = f and c.expires_at > now()
      and not exists (select 1 from operation o where o.project_id = p and o.id = i and o.day = d and o.retry_of is not null);
end $$`

/** The answer to give to an operation again, if there is one. */
export async function cachedAnswer(
  db: Queryable,
  { projectId, method, version, fingerprint }: CacheKey,
  { operationId, day }: { operationId: string; day: string },
): Promise<CachedAnswer | undefined> {
  const text = 'select operation_id as "operationId", response, model from cached_answer($1, $2, $3, $4, $5, $6)'
  const values = [projectId, method, version, fingerprint, operationId, day]
  return (await run<CachedAnswer>(db, 'cached_answer', text, values))[0]
}

/** Has an operation's result answer later calls, in place of an earlier one. Its row is locked, so that a delete comes before or after. */
export async function cacheAnswer(
  db: Queryable,
  { projectId, method, version, fingerprint }: CacheKey,
  { operationId, day }: { operationId: string; day: string },
  ttlMs: number,
): Promise<void> {
  const text = `
    with r as (select id, day from result where project_id = $1 and id = $5 and day = $6 and code = 0 for key share)
    insert into answer_cache (project_id, method, version, fingerprint, operation_id, day, expires_at)
      select $1, $2, $3, $4, r.id, r.day, now() + $7::float8 * interval '1 ms' from r
      on conflict (project_id, method, version, fingerprint) do update
        set operation_id = excluded.operation_id, day = excluded.day, expires_at = excluded.expires_at`
  await run(db, 'cache_answer', text, [projectId, method, version, fingerprint, operationId, day, ttlMs])
}
