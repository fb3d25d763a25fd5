import type { Queryable } from './statement.ts'

export type State = 'READY' | 'WAITING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED'

/** An operation as it stands. `code` and `response` are null until it has a result. */
export type OperationRow = {
  id: string
  day: string
  contract: string
  version: number
  method: string
  key: string | null
  request: Buffer
  acceptedAt: Date
  state: State
  attempts: number
  code: number | null
  response: Buffer | null
  settledAt: Date | null
}

/** What is set must match. `before`: only ids below this one. */
export type OperationFilter = {
  ids?: readonly string[]
  contract?: string
  method?: string
  state?: State
  before?: string
}

/** Where a listing starts from: each state has a table, or an index, in which its rows come newest first. */
const sources: Record<State | 'ANY', string> = {
  ANY: 'operation o',
  SUCCEEDED:
    'operation o join result s on s.project_id = o.project_id and s.id = o.id and s.day = o.day and s.code = 0',
  FAILED:
    'result s join operation o on s.project_id = o.project_id and s.id = o.id and s.day = o.day and s.code <> 0 and (s.code = 1) = false',
  CANCELLED:
    'result s join operation o on s.project_id = o.project_id and s.id = o.id and s.day = o.day and s.code <> 0 and (s.code = 1) = true',
  READY: unfinished('ready'),
  WAITING: unfinished('timer'),
  RUNNING: unfinished('lease'),
}

function unfinished(table: string): string {
  return `${table} s join operation o on o.project_id = s.project_id and o.id = s.operation_id and o.day = s.day`
}

/** A page ends after this many bytes of requests and responses, with one operation at least: clients take 4 MB by default. */
const maxPageBytes = 3_000_000

/** Operations, and whether the page was cut for its size. */
export type OperationPage = { rows: OperationRow[]; cut: boolean }

/** A project's operations, newest first. One statement, since a row may be on its way between tables. */
export async function operations(
  db: Queryable,
  projectId: string,
  filter: OperationFilter,
  limit: number,
): Promise<OperationPage> {
  const values: unknown[] = [projectId, limit]
  const where = ['o.project_id = $1']
  const match = (condition: string, value: unknown) => {
    if (value === undefined) return
    values.push(value)
    where.push(condition.replace('?', `$${values.length}`))
  }
  match('o.id = any (?::uuid[])', filter.ids)
  match('o.contract = ?', filter.contract)
  match('o.method = ?', filter.method)
  match('o.id < ?', filter.before)
  const text = `
    with p as materialized (
      select o.* from ${sources[filter.state ?? 'ANY']} where ${where.join(' and ')} order by o.id desc limit $2),
    j as (
      select p.id, p.day::text as day, p.contract, p.version, p.method, p.key, p.request, r.code, r.response,
        (extract(epoch from p.accepted_at) * 1000)::float8 as "acceptedMs", (extract(epoch from r.settled_at) * 1000)::float8 as "settledMs",
        coalesce(r.attempt, l.attempt, t.attempt, q.attempt, 0) as attempts,
        case when r.code = 0 then 'SUCCEEDED' when r.code = 1 then 'CANCELLED' when r.code is not null then 'FAILED'
          when l.attempt is not null then 'RUNNING' when t.attempt is not null then 'WAITING' else 'READY' end as state,
        sum(octet_length(p.request) + coalesce(octet_length(r.response), 0)) over (order by p.id desc) as bytes,
        row_number() over (order by p.id desc) as n, count(*) over () as found
      from p
      left join result r on r.project_id = p.project_id and r.id = p.id and r.day = p.day
      left join lease l on r.id is null and l.project_id = p.project_id and l.operation_id = p.id
      left join timer t on r.id is null and t.project_id = p.project_id and t.operation_id = p.id
      left join ready q on r.id is null and q.project_id = p.project_id and q.operation_id = p.id)
    select id, day, contract, version, method, key, request, code, response, "acceptedMs", "settledMs", attempts, state, found::int
    from j where n = 1 or bytes <= ${maxPageBytes} order by id desc`
  type Raw = Omit<OperationRow, 'acceptedAt' | 'settledAt'> & {
    acceptedMs: number
    settledMs: number | null
    found: number
  }
  const { rows } = await db.query<Raw>({ text, values, query_timeout: 30_000 })
  const [first] = rows
  return {
    rows: rows.map(({ acceptedMs, settledMs, found: _, ...row }) => ({
      ...row,
      acceptedAt: new Date(acceptedMs),
      settledAt: settledMs === null ? null : new Date(settledMs),
    })),
    cut: first !== undefined && rows.length < first.found,
  }
}
