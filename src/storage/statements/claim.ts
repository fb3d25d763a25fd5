import { type Queryable, run } from './statement.ts'

/** A leased operation with all that an attempt needs. Times are milliseconds; `remainingMs` is what is left of its timeout. */
export type Claimed = {
  projectId: string
  operationId: string
  day: string
  attempt: number
  failures: number
  maxFailures: number
  detached: boolean
  remainingMs: number
  contract: string
  version: number
  method: string
  request: Buffer
  traceparent: string | null
}

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
 */
export const claimFunction = `
create or replace function claim(who uuid, want int, wanted uuid[], quantum int, vclock float8) returns setof lease language plpgsql as $$
#variable_conflict use_column
declare r record; running bigint; room int; got int := 0; mine int; n int; full_sweep boolean; lo timestamptz; ids uuid[]; floors timestamptz[];
begin
  for r in select * from lane where project_id = any (wanted) order by greatest(vtime, vclock), random() for update skip locked loop
    exit when got >= want;
    running := 0;
    if r.max_running is not null then select count(*) into running from lease where project_id = r.project_id; end if;
    room := least(quantum, want - got, coalesce(r.max_running - running, quantum));
    continue when room <= 0;
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
      ins as (insert into lease (project_id, operation_id, day, priority, attempt, failures, max_failures, crashes, detached,
                attempt_timeout, expires_at, replica_id, deadline_at)
              select project_id, operation_id, day, priority, attempt + 1, failures, max_failures, crashes, detached,
                attempt_timeout, expires_at, who, now() + attempt_timeout from del)
      select count(*), min(due), array_agg(operation_id) into n, lo, ids from del;
      floors[pri] := case when n < room - mine then clock_timestamp() - interval '3 s'
                          when full_sweep then lo - interval '3 s' else greatest(floors[pri], lo - interval '3 s') end;
      mine := mine + n;
      if n > 0 then return query select * from lease where project_id = r.project_id and operation_id = any (ids); end if;
    end loop;
    got := got + mine;
    update lane set vtime = greatest(vtime, vclock) + mine / weight, floor_due = floors,
      swept_at = case when full_sweep then clock_timestamp() else swept_at end
      where project_id = r.project_id;
  end loop;
end $$`

/** Projects that have due work. */
export async function candidates(db: Queryable): Promise<string[]> {
  const rows = await run<{ id: string }>(db, 'candidates', 'select candidates as id from candidates()', [])
  return rows.map((row) => row.id)
}

const text = `select l.project_id as "projectId", l.operation_id as "operationId", l.day::text as day, l.attempt, l.failures,
    l.max_failures as "maxFailures", l.detached, (extract(epoch from l.expires_at - now()) * 1000)::float8 as "remainingMs",
    o.contract, o.version, o.method, o.request, o.traceparent
  from claim($1, $2, $3, $4, $5) l
  join operation o on o.project_id = l.project_id and o.id = l.operation_id and o.day = l.day`

/** Moves up to `want` due operations of the candidates into leases of this replica, at most `quantum` per lane. */
export async function claim(
  db: Queryable,
  replicaId: string,
  want: number,
  projects: readonly string[],
  quantum: number,
  virtualClock: number,
): Promise<Claimed[]> {
  return run<Claimed>(db, 'claim', text, [replicaId, want, projects, quantum, virtualClock])
}
