import { byteaArray, int4Array, uuidArray } from './arrays.ts'
import { byKey, leaseOf, type Queryable, run } from './statement.ts'

/** Items of one operation in a row, the first with the number `from`, and the attempt whose lease fences them. */
export type PutInput = {
  projectId: string
  operationId: string
  attempt: number
  from: number
  items: readonly Uint8Array[]
}

/**
 * Stores items while their leases hold. The key share lock keeps a lease from being taken away between the look at it and COMMIT:
 * what comes after it sees the items. Returns the places of the rows that are not stored: no lease, or another item has the number.
 * Sent again after a lost reply it finds its own.
 */
export const putItemsFunction = `
create or replace function put_items(p uuid[], i uuid[], a int[], n int[], b bytea[], who uuid) returns setof int language plpgsql ${byKey} as $$
declare stored int;
begin
  with s as (select * from unnest(p, i, a, n, b) as u(p, i, a, n, b)),
  wanted as (select distinct s.p, s.i, s.a from s order by s.p, s.i),
  held as (select l.project_id, l.operation_id, l.day, l.attempt from wanted w
           join lease l on ${leaseOf('w')} and l.attempt = w.a and (l.replica_id = who) is true
           order by l.project_id, l.operation_id for key share of l)
  insert into item (project_id, operation_id, day, ordinal, attempt, payload)
    select h.project_id, h.operation_id, h.day, s.n, s.a, s.b from held h join s on s.p = h.project_id and s.i = h.operation_id
    on conflict do nothing;
  get diagnostics stored = row_count;
  if stored < cardinality(i) then
    return query
    select u.o::int from unnest(p, i, a, n, b) with ordinality as u(p, i, a, n, b, o)
    where not exists (select 1 from item x where x.project_id = u.p and x.operation_id = u.i and x.ordinal = u.n
      and x.attempt = u.a and x.payload = u.b);
  end if;
end $$`

const text = 'select put_items as o from put_items($1, $2, $3, $4, $5, $6)'

/** One operation once in a batch. Returns for each input whether all of its items are stored. */
export async function putItems(db: Queryable, batch: readonly PutInput[], replicaId: string): Promise<boolean[]> {
  const rows = batch.flatMap(({ items, ...put }, input) =>
    items.map((payload, index) => ({ ...put, input, ordinal: put.from + index, payload })),
  )
  const lost = await run<{ o: number }>(db, 'put_items', text, [
    uuidArray(rows.map((row) => row.projectId)),
    uuidArray(rows.map((row) => row.operationId)),
    int4Array(rows.map((row) => row.attempt)),
    int4Array(rows.map((row) => row.ordinal)),
    byteaArray(rows.map((row) => row.payload)),
    replicaId,
  ])
  const without = new Set(lost.map(({ o }) => rows[o - 1]?.input))
  return batch.map((_, input) => !without.has(input))
}
