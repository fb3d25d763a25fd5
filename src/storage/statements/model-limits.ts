import { byKey, type Queryable, run } from './statement.ts'

/** The most that a model may be asked, on all replicas together; null for no limit. */
export type ModelLimits = {
  requestsPerMinute: number | null
  tokensPerMinute: number | null
  concurrency: number | null
}

export type LimitName = 'requests_per_minute' | 'tokens_per_minute' | 'concurrency'

/** Taken, and in which second of the database's clock; or which limit is reached, and how long to wait for it (0 if unknown). */
export type Taken = { kind: 'taken'; second: string } | { kind: 'over'; limit: LimitName; waitMs: number }

export type Take = {
  model: string
  limits: ModelLimits
  /** Of this completion, a UUID. */
  slotId: string
  /** Whose slot it is: it is free when that replica is gone. */
  replicaId: string
  /** Milliseconds after which the slot is free whatever happened. */
  slotMs: number
  /** The most tokens that the completion may use. */
  tokens: number
}

/**
 * Takes a place under a model's limits, or says which one is reached. One at a time per model, by a lock that lasts for the
 * statement, so the limits hold whatever the number of replicas. What was asked is counted by the second; the current one and
 * the 60 before it make the minute, which is never shorter than 60 seconds.
 *
 * Its COMMIT does not wait for the disk: a crash of PostgreSQL may forget the last moments of a minute.
 */
export const takeModelFunction = `
create or replace function take_model(p_model text, p_slot uuid, p_replica uuid, p_requests int, p_token_limit bigint, p_concurrency int, p_tokens bigint, p_slot_ms float8)
returns table (over text, wait_ms float8, at bigint) language plpgsql ${byKey} as $$
declare
  v_now float8;
  v_second bigint;
  v_requests bigint;
  v_tokens bigint;
  v_oldest bigint;
  -- What is more than the limit by itself goes when nothing else did.
  v_cost bigint := least(p_tokens, p_token_limit);
begin
  perform set_config('synchronous_commit', 'off', true);
  perform pg_advisory_xact_lock(hashtext('deed model'), hashtext(p_model));
  -- After the lock: the transaction's own time may lie before what others did meanwhile.
  v_now := extract(epoch from clock_timestamp());
  v_second := floor(v_now);
  if p_concurrency is not null then
    delete from model_slot s where s.model = p_model and (s.expires_at < clock_timestamp()
      or not exists (select 1 from replica r where r.id = s.replica_id and r.expires_at > clock_timestamp()));
    if (select count(*) from model_slot s where s.model = p_model) >= p_concurrency then
      return query select 'concurrency'::text, 0::float8, v_second;
      return;
    end if;
  end if;
  if p_requests is not null or p_token_limit is not null then
    delete from model_second m where m.model = p_model and m.second < v_second - 60;
    select coalesce(sum(m.requests), 0), coalesce(sum(m.tokens), 0), min(m.second) filter (where m.requests > 0)
      into v_requests, v_tokens, v_oldest from model_second m where m.model = p_model;
    if v_requests >= p_requests then
      return query select 'requests_per_minute'::text, (v_oldest + 61 - v_now) * 1000, v_second;
      return;
    end if;
    if v_tokens > 0 and v_tokens + v_cost > p_token_limit then
      select min(f.second) into v_oldest from (
        select m.second, sum(m.tokens) over (order by m.second) as freed from model_second m where m.model = p_model) f
        where f.freed >= v_tokens + v_cost - p_token_limit;
      return query select 'tokens_per_minute'::text, (v_oldest + 61 - v_now) * 1000, v_second;
      return;
    end if;
    insert into model_second as m (model, second, requests, tokens) values (p_model, v_second, 1, coalesce(v_cost, 0))
      on conflict (model, second) do update set requests = m.requests + 1, tokens = m.tokens + excluded.tokens;
  end if;
  if p_concurrency is not null then
    insert into model_slot (id, model, replica_id, expires_at)
      values (p_slot, p_model, p_replica, clock_timestamp() + p_slot_ms * interval '1 ms');
  end if;
  return query select null::text, 0::float8, v_second;
end $$`

type Row = { over: LimitName | null; wait_ms: number; at: string }

export async function takeModel(db: Queryable, take: Take): Promise<Taken> {
  const { requestsPerMinute, tokensPerMinute, concurrency } = take.limits
  const text = 'select over, wait_ms, at from take_model($1, $2, $3, $4, $5, $6, $7, $8)'
  const { model, slotId, replicaId, tokens, slotMs } = take
  const values = [model, slotId, replicaId, requestsPerMinute, tokensPerMinute, concurrency, tokens, slotMs]
  const [row] = await run<Row>(db, 'take_model', text, values)
  if (!row) throw new Error('take_model returned nothing')
  if (row.over === null) return { kind: 'taken', second: row.at }
  return { kind: 'over', limit: row.over, waitMs: Math.max(0, Math.ceil(row.wait_ms)) }
}

export type Return = {
  model: string
  slotId: string
  /** When it was taken. */
  second: string
  /** What the completion did not use of the tokens that it took; less than 0 when it used more. */
  unused: number
}

/** Gives the place back, and the tokens that were not used. Doing it twice gives the tokens back twice. */
export async function returnModel(db: Queryable, { model, slotId, second, unused }: Return): Promise<void> {
  const text = `with gone as (delete from model_slot where id = $1)
    update model_second set tokens = greatest(0, tokens - $4::bigint) where model = $2 and second = $3::bigint and $4::bigint <> 0`
  await run(db, 'return_model', text, [slotId, model, second, unused])
}
