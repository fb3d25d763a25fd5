import { boolArray, byteaArray, dateArray, float8Array, int2Array, int4Array, textArray, uuidArray } from './arrays.ts'
import { byKey, placeholders, type Queryable, run } from './statement.ts'

/** One call to be committed. Times are milliseconds. */
export type AcceptInput = {
  projectId: string
  id: string
  /** The UTC date inside the id, `2026-01-31`. */
  day: string
  contract: string
  version: number
  /** The method's name, without its contract. */
  method: string
  key: string | undefined
  fingerprint: Buffer | undefined
  request: Uint8Array
  traceparent: string | undefined
  priority: number
  maxFailures: number
  /** How long the lease of one attempt lasts at the most. */
  attemptTimeoutMs: number
  /** How long the operation lasts at the most. */
  timeoutMs: number
  /** How long it may stay in the queue each time; undefined for as long as it lasts. */
  queueTimeoutMs: number | undefined
  /** Goes on without a caller. */
  detached: boolean
  /** Leased to the replica at once, unless its project has a limit on what runs: then it queues like all others. */
  here: boolean
  retryOf: string | undefined
  /** The API key that the call came with; undefined for none. */
  apiKeyId: string | undefined
}

/**
 * `operationId` is the offered id when this call made the operation; `same` is false when the key came with another request;
 * `leased` when the offered operation is leased to the replica.
 */
export type AcceptOutput = { operationId: string; day: string; same: boolean; leased: boolean }

/**
 * A batch, already de-duplicated by (project, method, key) in the process. Each statement sees the commits that the one
 * before it waited for. Sent again after a lost reply, it inserts nothing twice; an id that comes back as offered is ours.
 * A key lives a day past its operation's timeout. Returns only what became otherwise than offered: most batches return nothing.
 */
export const acceptFunction = `
create or replace function accept(p uuid[], i uuid[], d date[], c text[], v int[], m text[], k text[], f bytea[], req bytea[],
  tp text[], pri smallint[], fails int[], attempt_ms float8[], timeout_ms float8[], queue_ms float8[], det boolean[], here boolean[],
  retry uuid[], akey uuid[], who uuid)
returns table (o int, operation_id uuid, day date, same boolean, leased boolean) language plpgsql ${byKey} as $$
#variable_conflict use_column
declare won uuid[] := '{}'; new uuid[]; keyed boolean := exists (select 1 from unnest(k) as u(k) where u.k is not null);
  all_won boolean; all_new boolean;
  limited uuid[] := (select coalesce(array_agg(l.project_id), '{}') from lane l where l.project_id = any (p) and l.max_running is not null);
begin
  if keyed then
    with s as (select u.p, u.i, u.d, u.c || '/' || u.m as m, u.k, u.f, u.timeout_ms
               from unnest(p, i, d, c, m, k, f, timeout_ms) as u(p, i, d, c, m, k, f, timeout_ms) where u.k is not null
               order by u.p, u.c || '/' || u.m, u.k),                                   -- sorted, or rival batches deadlock
    ins as (insert into idempotency as e select s.p, s.m, s.k, s.f, s.i, s.d,
              now() + s.timeout_ms * interval '1 ms' + interval '1 day' from s
            on conflict (project_id, method, key) do update
              set fingerprint = excluded.fingerprint, operation_id = excluded.operation_id, day = excluded.day, expires_at = excluded.expires_at
              where e.expires_at < now() or e.operation_id = excluded.operation_id
            returning e.operation_id)
    select coalesce(array_agg(ins.operation_id), '{}') into won from ins;
  end if;
  all_won := not keyed or cardinality(won) = cardinality(i);

  with ins as (insert into operation (project_id, id, day, contract, version, method, key, request, traceparent, retry_of,
      api_key_id)
    select u.p, u.i, u.d, u.c, u.v, u.m, u.k, u.req, u.tp, u.retry, u.akey
    from unnest(p, i, d, c, v, m, k, req, tp, retry, akey) as u(p, i, d, c, v, m, k, req, tp, retry, akey)
    where all_won or u.k is null or u.i = any (won)
    on conflict do nothing returning id)
  select coalesce(array_agg(ins.id), '{}') into new from ins;           -- only what is new is leased or queued
  all_new := cardinality(new) = cardinality(i);
  insert into lease (project_id, operation_id, day, priority, attempt, max_failures, detached, attempt_timeout, expires_at, queue_timeout,
      replica_id, deadline_at)
    select u.p, u.i, u.d, u.pri, 1, u.fails, u.det, u.attempt_ms * interval '1 ms', now() + u.timeout_ms * interval '1 ms',
      u.queue_ms * interval '1 ms', who, now() + u.attempt_ms * interval '1 ms'
    from unnest(p, i, d, pri, fails, det, attempt_ms, timeout_ms, queue_ms, here) as u(p, i, d, pri, fails, det, attempt_ms, timeout_ms, queue_ms, here)
    where u.here and u.p <> all (limited) and (all_new or u.i = any (new));
  if cardinality(limited) > 0 or false = any (here) then
    insert into ready (project_id, operation_id, day, priority, due, give_up_at, attempt, max_failures, detached, attempt_timeout, expires_at,
        queue_timeout, origin)
      select u.p, u.i, u.d, u.pri, now(), now() + least(u.timeout_ms, u.queue_ms) * interval '1 ms', 0, u.fails, u.det, u.attempt_ms * interval '1 ms',
        now() + u.timeout_ms * interval '1 ms', u.queue_ms * interval '1 ms', case when u.det then null else who end
      from unnest(p, i, d, pri, fails, det, attempt_ms, timeout_ms, queue_ms, here) as u(p, i, d, pri, fails, det, attempt_ms, timeout_ms, queue_ms, here)
      where not (u.here and u.p <> all (limited)) and (all_new or u.i = any (new));
  end if;

  if all_new and cardinality(limited) = 0 then return; end if;
  return query
    select u.o::int, coalesce(e.operation_id, u.i), coalesce(e.day, u.d), e.fingerprint is null or e.fingerprint = u.f,
      exists (select 1 from lease l where l.project_id = u.p and l.operation_id = u.i and l.attempt = 1 and l.replica_id = who)
    from unnest(p, i, d, c, m, k, f) with ordinality as u(p, i, d, c, m, k, f, o)
    left join idempotency e on u.k is not null and e.project_id = u.p and e.method = u.c || '/' || u.m and e.key = u.k
    order by u.o;
end $$`

/** Number of values in {@link acceptValues}. */
export const acceptWidth = 20

/** The function's call, its parameters numbered from `from`. */
export const acceptCall = (from: number) => `accept(${placeholders(from, acceptWidth)})`

export function acceptValues(batch: readonly AcceptInput[], replicaId: string): unknown[] {
  return [
    uuidArray(batch.map((b) => b.projectId)),
    uuidArray(batch.map((b) => b.id)),
    dateArray(batch.map((b) => b.day)),
    textArray(batch.map((b) => b.contract)),
    int4Array(batch.map((b) => b.version)),
    textArray(batch.map((b) => b.method)),
    textArray(batch.map((b) => b.key ?? null)),
    byteaArray(batch.map((b) => b.fingerprint ?? null)),
    byteaArray(batch.map((b) => b.request)),
    textArray(batch.map((b) => b.traceparent ?? null)),
    int2Array(batch.map((b) => b.priority)),
    int4Array(batch.map((b) => b.maxFailures)),
    float8Array(batch.map((b) => b.attemptTimeoutMs)),
    float8Array(batch.map((b) => b.timeoutMs)),
    float8Array(batch.map((b) => b.queueTimeoutMs ?? null)),
    boolArray(batch.map((b) => b.detached)),
    boolArray(batch.map((b) => b.here)),
    uuidArray(batch.map((b) => b.retryOf ?? null)),
    uuidArray(batch.map((b) => b.apiKeyId ?? null)),
    replicaId,
  ]
}

/** A row of the function's. */
export type AcceptRow = AcceptOutput & { o: number }

/** One output per input, in order: what the rows say, and as offered where there is none. */
export function acceptedOf(batch: readonly AcceptInput[], rows: readonly AcceptRow[]): AcceptOutput[] {
  const changed = new Map(rows.map((row) => [row.o, row]))
  return batch.map(({ id, day, here }, n) => changed.get(n + 1) ?? { operationId: id, day, same: true, leased: here })
}

const text = `select o, operation_id as "operationId", day::text as day, same, leased from ${acceptCall(1)}`

/** Commits the batch, leased to `replicaId` as attempt 1 or queued. One output per input, in order. */
export async function accept(db: Queryable, batch: readonly AcceptInput[], replicaId: string): Promise<AcceptOutput[]> {
  return acceptedOf(batch, await run<AcceptRow>(db, 'accept', text, acceptValues(batch, replicaId)))
}
