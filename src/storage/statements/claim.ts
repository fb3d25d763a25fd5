import { byKey, type Queryable, run } from './statement.ts'
import { carried } from './unfinished.ts'

/** A leased operation with all that an attempt needs. Times are milliseconds; `remainingMs` is what is left of its timeout. */
export type Claimed = {
  projectId: string
  operationId: string
  day: string
  attempt: number
  failures: number
  maxFailures: number
  detached: boolean
  /** A caller waits for it on this replica. */
  origin: string | null
  remainingMs: number
  contract: string
  version: number
  method: string
  request: Buffer
  traceparent: string | null
}

/**
 * `empty`: lanes in which nothing more is due. `blocked`: lanes whose limit is reached. A candidate that is in neither and of which
 * nothing was claimed is being served by another replica, or its turn has not come. `start`: the greatest virtual time served.
 */
export type Claim = { rows: Claimed[]; empty: string[]; blocked: string[]; start: number }

/** One index probe per project that has due work, however many rows it has. */
export const candidatesFunction = `
create or replace function candidates() returns setof uuid language sql as $$
  with recursive c as (
    (select project_id from ready order by project_id limit 1)
    union all
    select (select r.project_id from ready r where r.project_id > c.project_id order by r.project_id limit 1) from c where c.project_id is not null)
  select project_id from c where project_id is not null $$`

/**
 * Among the candidates the lanes that are furthest behind, locked; what runs in a lane counted in a statement of its own,
 * after the lock (in one statement with the pick, 9 of 150 races went over the limit; in two, 0 of 300); then rows moved,
 * a project's priorities in order. floor_due keeps a claim from walking the dead tuples that a long snapshot holds: one per
 * priority, or older rows of a lower one would wait for the full sweep, which every 15 s finds late commits. A lane that is
 * back from idle starts at this replica's virtual clock.
 *
 * Its COMMIT does not wait for the disk: what a crash of PostgreSQL takes back is due again, and the attempt is fenced.
 */
export const claimFunction = `
create or replace function claim_due(who uuid, want int, wanted uuid[], quantum int, vclock float8)
returns table (lane text, start float8, project_id uuid, operation_id uuid, day date, attempt int, failures int, max_failures int,
  detached boolean, origin uuid, remaining_ms float8, contract text, version int, method text, request bytea, traceparent text)
language plpgsql ${byKey} as $$
#variable_conflict use_column
declare r record; running bigint; room int; got int := 0; mine int; n int; full_sweep boolean; lo timestamptz; ids uuid[]; floors timestamptz[];
begin
  perform set_config('synchronous_commit', 'off', true);
  for r in select *, greatest(vtime, vclock) as start from lane where project_id = any (wanted) order by greatest(vtime, vclock), random()
      for update skip locked loop
    exit when got >= want;
    running := 0;
    if r.max_running is not null then select count(*) into running from lease where project_id = r.project_id; end if;
    if running >= r.max_running then
      return query select 'blocked', null::float8, r.project_id, null::uuid, null::date, null::int, null::int, null::int, null::boolean, null::uuid,
        null::float8, null::text, null::int, null::text, null::bytea, null::text;
      continue;
    end if;
    room := least(quantum, want - got, coalesce(r.max_running - running, quantum));
    full_sweep := r.swept_at < clock_timestamp() - interval '15 s';
    floors := r.floor_due;
    mine := 0;
    for pri in 1..3 loop
      exit when mine >= room;
      with pick as materialized (
        select * from ready where project_id = r.project_id and priority = pri
          and due >= case when full_sweep then '-infinity' else floors[pri] end
        order by due, operation_id limit room - mine for update skip locked),
      del as (delete from ready q using pick k where q.project_id = k.project_id and q.priority = k.priority and q.due = k.due
                and q.operation_id = k.operation_id returning q.*),
      ins as (insert into lease (${carried}, attempt, failures, crashes, replica_id, deadline_at)
              select ${carried}, attempt + 1, failures, crashes, who, now() + attempt_timeout from del)
      select count(*), min(due), array_agg(operation_id) into n, lo, ids from del;
      floors[pri] := case when n < room - mine then clock_timestamp() - interval '3 s'
                          when full_sweep then lo - interval '3 s' else greatest(floors[pri], lo - interval '3 s') end;
      mine := mine + n;
      if n > 0 then
        return query select null::text, r.start, l.project_id, l.operation_id, l.day, l.attempt, l.failures, l.max_failures, l.detached, l.origin,
            (extract(epoch from l.expires_at - now()) * 1000)::float8, o.contract, o.version, o.method, o.request, o.traceparent
          from unnest(ids) as u(id)
          join lease l on l.project_id = r.project_id and l.operation_id = u.id
          join operation o on o.project_id = l.project_id and o.id = l.operation_id and o.day = l.day;
      end if;
    end loop;
    if mine < room then
      return query select 'empty', null::float8, r.project_id, null::uuid, null::date, null::int, null::int, null::int, null::boolean, null::uuid,
        null::float8, null::text, null::int, null::text, null::bytea, null::text;
    end if;
    got := got + mine;
    -- What moves no floor by much is not worth a dead row of the lane.
    if mine > 0 or full_sweep then
      update lane set vtime = case when mine > 0 then r.start + mine / weight else vtime end, floor_due = floors,
        swept_at = case when full_sweep then clock_timestamp() else swept_at end
        where project_id = r.project_id;
    end if;
  end loop;
end $$`

/** Projects that have due work. */
export async function candidates(db: Queryable): Promise<string[]> {
  const rows = await run<{ id: string }>(db, 'candidates', 'select candidates as id from candidates()', [])
  return rows.map((row) => row.id)
}

const text = `select lane, start, project_id as "projectId", operation_id as "operationId", day::text as day, attempt, failures,
    max_failures as "maxFailures", detached, origin, remaining_ms as "remainingMs", contract, version, method, request, traceparent
  from claim_due($1, $2, $3, $4, $5)`

type Row = { lane: null; start: number } & Claimed
type Mark = { lane: 'empty' | 'blocked'; projectId: string }

/** Moves up to `want` due operations of the candidates into leases of this replica, at most `quantum` per lane. */
export async function claim(
  db: Queryable,
  replicaId: string,
  want: number,
  projects: readonly string[],
  quantum: number,
  virtualClock: number,
): Promise<Claim> {
  const rows = await run<Row | Mark>(db, 'claim', text, [replicaId, want, projects, quantum, virtualClock])
  const claim: Claim = { rows: [], empty: [], blocked: [], start: virtualClock }
  for (const row of rows) {
    if (row.lane !== null) {
      claim[row.lane].push(row.projectId)
      continue
    }
    claim.rows.push(row)
    claim.start = Math.max(claim.start, row.start)
  }
  return claim
}

/** The virtual time at which a replica begins: nobody is behind it, so that no lane gets the time that it was idle for. */
export async function virtualClock(db: Queryable): Promise<number> {
  const rows = await run<{ vtime: number }>(
    db,
    'virtual_clock',
    'select coalesce(max(vtime), 0) as vtime from lane',
    [],
  )
  return rows[0]?.vtime ?? 0
}
