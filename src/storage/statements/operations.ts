import { dateArray, uuidArray } from './arrays.ts'
import { listingSource } from './listing-source.ts'
import type { Listing, OperationRow, Payload } from './operation-row.ts'
import type { Queryable } from './statement.ts'

/** A page ends after this many bytes of requests and responses, with one operation at least: clients take 4 MB by default. */
const maxPageBytes = 3_000_000

/** Operations, and whether the page was cut for its size. */
export type OperationPage = { rows: OperationRow[]; cut: boolean }

const requests: Record<Payload, string> = { all: 'o.request', result: `''::bytea`, error: `''::bytea` }
const responses: Record<Payload, string> = {
  all: 'r.response',
  result: 'r.response',
  error: `case when r.code = 0 then ''::bytea else r.response end`,
}

/** What is known of the operations `o`. Each row is looked up by its key, so that no plan reads a whole table for a page of it. */
function columns(payload: Payload): { select: string; joins: string } {
  const place = (table: string, as: string) => `left join lateral (select attempt from ${table}
      where r.id is null and project_id = o.project_id and operation_id = o.id limit 1) ${as} on true`
  return {
    select: `o.id, o.day::text as day, o.contract, o.version, o.method, o.key, ${requests[payload]} as request,
        o.retry_of as "retryOf", r.code, ${responses[payload]} as response, r.model, r.cached_from as "cachedFrom",
        (extract(epoch from o.accepted_at) * 1000)::float8 as "acceptedMs", (extract(epoch from r.settled_at) * 1000)::float8 as "settledMs",
        coalesce(r.attempt, l.attempt, t.attempt, q.attempt, 0) as attempts,
        case when r.code = 0 then 'SUCCEEDED' when r.code = 1 then 'CANCELLED' when r.code is not null then 'FAILED'
          when l.attempt is not null then 'RUNNING' when t.attempt is not null then 'WAITING' else 'READY' end as state`,
    joins: `left join lateral (select * from result where project_id = o.project_id and id = o.id and day = o.day limit 1) r on true
      ${place('lease', 'l')}
      ${place('timer', 't')}
      ${place('ready', 'q')}`,
  }
}

/** The statement of {@link listOperations}. */
export function listingStatement(projectId: string, listing: Listing): { text: string; values: unknown[] } {
  const values: unknown[] = [projectId, listing.limit]
  const { select, joins } = columns(listing.payload)
  const source = listingSource(listing, values)
  const text = `
    with p as materialized (${source} limit $2),
    j as (
      select ${select} from p o
      ${joins}),
    s as (
      select *, sum(octet_length(request) + coalesce(octet_length(response), 0)) over (order by id ${listing.order}) as bytes,
        row_number() over (order by id ${listing.order}) as n, count(*) over () as found
      from j)
    select * from s where n = 1 or bytes <= ${maxPageBytes} order by n`
  return { text, values }
}

type Raw = Omit<OperationRow, 'acceptedAt' | 'settledAt'> & { acceptedMs: number; settledMs: number | null }

/** A page of a project's operations. One statement, since a row may be on its way between tables. */
export async function listOperations(db: Queryable, projectId: string, listing: Listing): Promise<OperationPage> {
  const statement = listingStatement(projectId, listing)
  const { rows } = await db.query<Raw & { found: string; bytes: string; n: string }>({
    ...statement,
    query_timeout: 30_000,
  })
  const [first] = rows
  return {
    rows: rows.map(({ found: _, bytes: __, n: ___, ...row }) => toRow(row)),
    cut: first !== undefined && rows.length < Number(first.found),
  }
}

/** Those of the named operations of a project that exist, in any order. */
export async function findOperations(
  db: Queryable,
  projectId: string,
  named: readonly { id: string; day: string }[],
  payload: Payload,
): Promise<OperationRow[]> {
  const { select, joins } = columns(payload)
  const text = `
    select ${select} from unnest($2::uuid[], $3::date[]) as u(id, day)
    cross join lateral (select * from operation where project_id = $1 and id = u.id and day = u.day limit 1) o
    ${joins}`
  const values = [projectId, uuidArray(named.map(({ id }) => id)), dateArray(named.map(({ day }) => day))]
  const { rows } = await db.query<Raw>({ name: `find_operations_${payload}`, text, values, query_timeout: 30_000 })
  return rows.map(toRow)
}

function toRow({ acceptedMs, settledMs, ...row }: Raw): OperationRow {
  return {
    ...row,
    acceptedAt: new Date(acceptedMs),
    settledAt: settledMs === null ? null : new Date(settledMs),
  }
}
