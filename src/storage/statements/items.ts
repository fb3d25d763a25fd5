import { dateArray, uuidArray } from './arrays.ts'
import { byKey, type Queryable, run } from './statement.ts'

/** Names an operation; `day` is the partition. */
type Ref = { projectId: string; operationId: string; day: string }

/** A page ends after this many bytes, with one item at least. */
const maxPageBytes = 3_000_000

/** The stored items of an operation after a number, in order: `limit` or a page of 3 MB at the most, none when there are no more. */
export const readItemsFunction = `
create or replace function read_items(p uuid, i uuid, d date, after int, lim int) returns setof bytea language plpgsql stable ${byKey} as $$
begin
  return query
    select page.payload from (
      select x.payload, x.ordinal, sum(octet_length(x.payload)) over (order by x.ordinal) as bytes
      from item x where x.project_id = p and x.operation_id = i and x.day = d and x.ordinal > after and x.ordinal <= after + lim) page
    where page.bytes <= ${maxPageBytes} or page.ordinal = after + 1 order by page.ordinal;
end $$`

export async function readItems(
  db: Queryable,
  { projectId, operationId, day }: Ref,
  after: number,
  limit: number,
): Promise<Buffer[]> {
  const text = 'select read_items as payload from read_items($1, $2, $3, $4, $5)'
  const rows = await run<{ payload: Buffer }>(db, 'read_items', text, [projectId, operationId, day, after, limit])
  return rows.map(({ payload }) => payload)
}

/** The last stored items of an operation, in order: `limit` or a page of 3 MB at the most, with one at least where there is one. */
export const lastItemsFunction = `
create or replace function last_items(p uuid, i uuid, d date, lim int) returns setof bytea language plpgsql stable ${byKey} as $$
begin
  return query
    select page.payload from (
      select x.payload, x.ordinal, sum(octet_length(x.payload)) over (order by x.ordinal desc) as bytes
      from (select item.payload, item.ordinal from item where item.project_id = p and item.operation_id = i and item.day = d
        order by item.ordinal desc limit lim) x) page
    where page.bytes <= ${maxPageBytes} or page.bytes = octet_length(page.payload) order by page.ordinal;
end $$`

export async function lastItems(db: Queryable, { projectId, operationId, day }: Ref, limit: number): Promise<Buffer[]> {
  const text = 'select last_items as payload from last_items($1, $2, $3, $4)'
  const rows = await run<{ payload: Buffer }>(db, 'last_items', text, [projectId, operationId, day, limit])
  return rows.map(({ payload }) => payload)
}

/** The number of the last item that is stored of each operation: how many there are. */
export const countItemsFunction = `
create or replace function count_items(p uuid[], i uuid[], d date[]) returns table (id uuid, n int) language plpgsql stable ${byKey} as $$
begin
  return query select u.i, x.ordinal from unnest(p, i, d) as u(p, i, d)
    cross join lateral (select item.ordinal from item where item.project_id = u.p and item.operation_id = u.i and item.day = u.d
      order by item.ordinal desc limit 1) x;
end $$`

/** By the operation's id; those without an item are missing. */
export async function countItems(db: Queryable, refs: readonly Ref[]): Promise<Map<string, number>> {
  const rows = await run<{ id: string; n: number }>(db, 'count_items', 'select id, n from count_items($1, $2, $3)', [
    uuidArray(refs.map((ref) => ref.projectId)),
    uuidArray(refs.map((ref) => ref.operationId)),
    dateArray(refs.map((ref) => ref.day)),
  ])
  return new Map(rows.map(({ id, n }) => [id, n]))
}
