import type { Queryable } from './statements/statement.ts'

/** Partitioned by day. A result goes before its operation, so that what is left of a day looks deleted, not unfinished. */
const tables = ['completion', 'item', 'result', 'operation']

/**
 * Drops the partitions of days that ended more than `keepDays` ago, unless something unfinished was accepted on such a day,
 * or completions of it are not yet in usage. They are detached first, without the lock that would make accept and settle wait; one
 * replica at a time. Returns their names.
 */
export async function dropPartitions(db: Queryable, keepDays: number): Promise<string[]> {
  const dropped: string[] = []
  for (const { name, table, pending } of await expired(db, keepDays)) {
    if (table === 'completion' && !(await isCounted(db, name))) return dropped
    if (!(await detach(db, table, name, pending))) return dropped
    await db.query({ text: `drop table if exists "${name}"`, query_timeout: timeoutMs })
    dropped.push(name)
  }
  return dropped
}

/** Longer than the statement_timeout of the connection, which ends a wait for a snapshot that is held open elsewhere. */
const timeoutMs = 60_000

type Partition = { name: string; table: string; pending: boolean }

/** Partitions to be dropped, those that an earlier run detached or was detaching included. */
async function expired(db: Queryable, keepDays: number): Promise<Partition[]> {
  const text = `
    with days as (select (now() at time zone 'UTC')::date - $1::int as first_kept),
    unfinished as (select least((select min(day) from ready), (select min(day) from timer), (select min(day) from lease)) as day)
    select c.relname as name, t.name as table, coalesce(i.inhdetachpending, false) as pending
    from unnest($2::text[]) with ordinality as t(name, nth)
    join pg_class c on c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.relname ~ ('^' || t.name || '_[0-9]{8}$')
    left join pg_inherits i on i.inhrelid = c.oid
    cross join days cross join unfinished
    where right(c.relname, 8) < to_char(least(days.first_kept, unfinished.day), 'YYYYMMDD')
    order by right(c.relname, 8), t.nth`
  const { rows } = await db.query<Partition>({ text, values: [keepDays, tables], query_timeout: timeoutMs })
  return rows
}

/** Whether all that is in a partition of completion has been added to usage. */
async function isCounted(db: Queryable, name: string): Promise<boolean> {
  const text = `select 1 from "${name}" where place > (select counted from usage_cursor) limit 1`
  const { rows } = await db.query({ text, query_timeout: timeoutMs })
  return rows.length === 0
}

/** Whether it is detached now; false when another replica is at it. */
async function detach(db: Queryable, table: string, name: string, pending: boolean): Promise<boolean> {
  const attached = `select 1 from pg_inherits where inhrelid = to_regclass($1)`
  const { rows } = await db.query({ text: attached, values: [name], query_timeout: timeoutMs })
  if (rows.length === 0) return true
  const how = pending ? 'finalize' : 'concurrently'
  try {
    await db.query({ text: `alter table "${table}" detach partition "${name}" ${how}`, query_timeout: timeoutMs })
    return true
  } catch (error) {
    // A detach that is under way elsewhere, or was cut off and is finished by the next run.
    if (isBusy(error)) return false
    throw error
  }
}

function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  // object_not_in_prerequisite_state, query_canceled, lock_not_available, undefined_table
  return code === '55000' || code === '57014' || code === '55P03' || code === '42P01'
}
