import type { Queryable } from './statement.ts'

/** Something that must not be. `operation`: its id. `table`: where it was found. */
export type Finding = {
  fault: string
  table: string
  projectId: string | null
  operation: string | null
  replica: string | null
  detail: string
}

/** What was looked at. `replicas`: those that live. */
export type Examined = { operations: number; unfinished: number; projects: number; replicas: number }

/** A doctor that was asked about a large database has to read all of it. */
const timeoutMs = 600_000
/** Findings of one kind. */
export const maxFindings = 100
/** What nobody has done this long after it was due, nobody does. */
const late = `interval '30 s'`

const lives = 'exists (select 1 from replica r where r.expires_at > now())'

const unfinished = `unfinished as (
  select project_id, operation_id, day, 'ready' as place from ready
  union all select project_id, operation_id, day, 'timer' from timer
  union all select project_id, operation_id, day, 'lease' from lease)`

/** The day in a UUIDv7: PostgreSQL reads it itself from 18 on. */
const idDay = (id: string) =>
  `(to_timestamp(('x' || left(replace(${id}::text, '-', ''), 12))::bit(48)::bigint / 1000.0) at time zone 'UTC')::date`

type Check = { fault: string; text: string }

/** Each selects table, projectId, operation, replica and detail. */
const checks: readonly Check[] = [
  {
    // While retention is at a day, its results go before its operations.
    fault: 'nowhere',
    text: `select 'operation' as "table", o.project_id as "projectId", o.id as operation, null as replica,
        'accepted ' || o.accepted_at || ', and in none of ready, timer, lease, result' as detail
      from operation o
      where not exists (select 1 from result x where x.project_id = o.project_id and x.id = o.id and x.day = o.day)
        and not exists (select 1 from lease x where x.project_id = o.project_id and x.operation_id = o.id and x.day = o.day)
        and not exists (select 1 from ready x where x.project_id = o.project_id and x.operation_id = o.id and x.day = o.day)
        and not exists (select 1 from timer x where x.project_id = o.project_id and x.operation_id = o.id and x.day = o.day)
        and exists (select 1 from pg_inherits i join pg_class c on c.oid = i.inhrelid
          where i.inhparent = 'result'::regclass and not i.inhdetachpending and c.relname = 'result_' || to_char(o.day, 'YYYYMMDD'))`,
  },
  {
    fault: 'in several places',
    text: `with ${unfinished},
      place as (select * from unfinished
        union all select r.project_id, r.id, r.day, 'result' from result r
          join (select distinct project_id, operation_id, day from unfinished) u
            on u.project_id = r.project_id and u.operation_id = r.id and u.day = r.day)
      select min(place) as "table", project_id as "projectId", operation_id as operation, null as replica,
        'in ' || string_agg(place, ', ' order by place) as detail
      from place group by project_id, operation_id having count(*) > 1`,
  },
  {
    fault: 'no operation',
    text: `with ${unfinished}
      select p.place as "table", p.project_id as "projectId", p.operation_id as operation, null as replica,
        'there is no operation of ' || p.day || ' with this id' as detail
      from (select * from unfinished union all select project_id, id, day, 'result' from result) p
      where not exists (select 1 from operation o where o.project_id = p.project_id and o.id = p.operation_id and o.day = p.day)`,
  },
  {
    fault: 'wrong day',
    text: `select 'operation' as "table", project_id as "projectId", id as operation, null as replica,
        'kept under ' || day || ', its id is of ' || ${idDay('id')} as detail
      from operation where day <> ${idDay('id')}`,
  },
  {
    // A replica that drains takes itself out last: how long one has been gone is not known, only how long the lease lasts.
    fault: 'lease not reaped',
    text: `select 'lease' as "table", l.project_id as "projectId", l.operation_id as operation, l.replica_id as replica,
        case when l.deadline_at < now() - ${late} then 'its deadline passed ' || l.deadline_at
          when r.id is null then 'there is no such replica' else 'the replica expired ' || r.expires_at end as detail
      from lease l left join replica r on r.id = l.replica_id
      where ${lives} and (l.deadline_at < now() - ${late} or r.expires_at < now() - ${late}
        or r.id is null and l.deadline_at - l.attempt_timeout < now() - ${late})`,
  },
  {
    fault: 'queued too long',
    text: `select 'ready' as "table", project_id as "projectId", operation_id as operation, null as replica,
        'should have been given up ' || give_up_at as detail
      from ready where ${lives} and give_up_at < now() - ${late}`,
  },
  {
    // A sweep looks below the floor; what one passed over a minute after it was due is seen by no claim.
    fault: 'hidden from claim',
    text: `select 'ready' as "table", q.project_id as "projectId", q.operation_id as operation, null as replica,
        'due ' || q.due || ', below the floor ' || l.floor_due[q.priority] || ' of priority ' || q.priority || ', swept ' || l.swept_at as detail
      from lane l join ready q on q.project_id = l.project_id
      where q.due < l.floor_due[q.priority] and l.swept_at > q.due + interval '60 s'`,
  },
  {
    fault: 'timer overdue',
    text: `select 'timer' as "table", project_id as "projectId", operation_id as operation, null as replica, 'due ' || due as detail
      from timer where ${lives} and due < now() - ${late}`,
  },
  {
    // Of what has ended, a key may have expired; of what is deleted, it stays.
    fault: 'key not held',
    text: `with ${unfinished}
      select 'idempotency' as "table", o.project_id as "projectId", o.id as operation, null as replica,
        'is unfinished, and its key is free or another operation''s' as detail
      from unfinished u join operation o on o.project_id = u.project_id and o.id = u.operation_id and o.day = u.day
      where o.key is not null and not exists (select 1 from idempotency k
        where k.project_id = o.project_id and k.method = o.contract || '/' || o.method and k.key = o.key and k.operation_id = o.id)`,
  },
  {
    fault: 'keys not purged',
    text: `select 'idempotency' as "table", null as "projectId", null as operation, null as replica,
        count(*) || ' expired more than a day ago, the first ' || min(expires_at) as detail
      from idempotency where ${lives} and expires_at < now() - interval '1 day' having count(*) > 0`,
  },
  {
    fault: 'items missing',
    text: `select 'item' as "table", project_id as "projectId", operation_id as operation, null as replica,
        'has ' || count(*) || ' items, numbered ' || min(ordinal) || ' to ' || max(ordinal) as detail
      from item group by project_id, operation_id, day having count(*) <> max(ordinal) or min(ordinal) <> 1`,
  },
  {
    fault: 'no lane',
    text: `select 'lane' as "table", id as "projectId", null as operation, null as replica, 'nothing that it queues is claimed' as detail
      from project p where not exists (select 1 from lane l where l.project_id = p.id)`,
  },
  {
    fault: 'no partition',
    text: `select t.name as "table", null as "projectId", null as operation, null as replica, 'none for ' || d.day || ' (UTC)' as detail
      from unnest(array['operation', 'result', 'completion', 'item']) as t(name)
      cross join (select (now() at time zone 'UTC')::date + n as day from generate_series(0, 1) as n) d
      where not exists (select 1 from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = to_regclass(t.name) and not i.inhdetachpending and c.relname = t.name || '_' || to_char(d.day, 'YYYYMMDD'))`,
  },
  {
    fault: 'partition not dropped',
    text: `select c.relname as "table", null as "projectId", null as operation, null as replica,
        case when i.inhrelid is null then 'detached' else 'its detach is pending' end || '; the hourly upkeep goes on with it' as detail
      from unnest(array['operation', 'result', 'completion', 'item']) as t(name)
      join pg_class c on c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.relname ~ ('^' || t.name || '_[0-9]{8}$')
      left join pg_inherits i on i.inhrelid = c.oid where coalesce(i.inhdetachpending, true)`,
  },
  {
    fault: 'no replica lives',
    text: `with ${unfinished}
      select place as "table", null as "projectId", null as operation, null as replica, count(*) || ' unfinished: nobody works on them' as detail
      from unfinished where not ${lives} group by place`,
  },
]

const examined = `with ${unfinished} select (select count(*)::int from operation) as operations, (select count(*)::int from unfinished) as unfinished,
  (select count(*)::int from project) as projects, (select count(*)::int from replica where expires_at > now()) as replicas`

/**
 * Looks for what must not be, in one snapshot. `db`: one connection, without a transaction. Reads all operations and
 * results, writes nothing; a standby will do. Returns at most {@link maxFindings} of each kind.
 */
export async function examine(db: Queryable): Promise<{ findings: Finding[]; examined: Examined }> {
  const query = async <R extends object>(text: string) => (await db.query<R>({ text, query_timeout: timeoutMs })).rows
  await query('begin transaction isolation level repeatable read, read only')
  try {
    await query(`set local statement_timeout = ${timeoutMs}`)
    // Days are compared with their own: hashes of one day instead of all.
    await query('set local enable_partitionwise_join = on')
    const findings: Finding[] = []
    for (const { fault, text } of checks) {
      const found = await query<Omit<Finding, 'fault'>>(`select * from (${text}) found limit ${maxFindings}`)
      for (const finding of found) findings.push({ fault, ...finding })
    }
    const [looked] = await query<Examined>(examined)
    return { findings, examined: looked ?? { operations: 0, unfinished: 0, projects: 0, replicas: 0 } }
  } finally {
    await query('rollback').catch(() => {})
  }
}
