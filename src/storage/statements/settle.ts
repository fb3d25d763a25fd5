import { byteaArray, int2Array, int4Array, textArray, uuidArray } from './arrays.ts'
import { insertLedger, type LedgerRow, ledgerArrays, ledgerParameters, ledgerWidth } from './ledger.ts'
import { byKey, placeholders, type Queryable, run } from './statement.ts'

/** How one attempt ended its operation. `response` is the message, or a google.rpc.Status when `code` is not 0. */
export type SettleInput = {
  projectId: string
  operationId: string
  attempt: number
  code: number
  response: Uint8Array
  /** `provider/name` of the last completion, or of the one whose answer was cached; empty before one. */
  model: string
  /** The operation whose answer this is, from the cache; undefined for none. */
  cachedFrom: string | undefined
  ledger: readonly LedgerRow[]
}

/**
 * Fenced: no lease with this attempt and replica, no result. The ledger takes every row, since a zombie's completions
 * were paid for too. Returns the ordinals of which no result is stored, neither by this call nor by an earlier one of this
 * replica whose reply was lost: most batches return nothing.
 */
export const settleFunction = `
create or replace function settle_fenced(p uuid[], i uuid[], a int[], c smallint[], resp bytea[], mo text[], cf uuid[], who uuid, ${ledgerParameters})
returns setof int language plpgsql ${byKey} as $$
declare n int;
begin
  ${insertLedger};
  with s as (select * from unnest(p, i, a, c, resp, mo, cf) as u(p, i, a, c, resp, mo, cf) order by u.p, u.i),
  del as (delete from lease l using s where l.project_id = s.p and l.operation_id = s.i and l.attempt = s.a and l.replica_id = who
          returning l.project_id, l.operation_id, l.day, l.attempt, s.c, s.resp, s.mo, s.cf)
  insert into result (project_id, id, day, attempt, replica_id, code, response, model, cached_from)
    select del.project_id, del.operation_id, del.day, del.attempt, who, del.c, del.resp, del.mo, del.cf from del;
  get diagnostics n = row_count;
  if n < cardinality(i) then
    return query
    select u.o::int from unnest(p, i, a) with ordinality as u(p, i, a, o)
    where not exists (select 1 from result r where r.project_id = u.p and r.id = u.i and r.attempt = u.a and r.replica_id = who);
  end if;
end $$`

const width = 8 + ledgerWidth

/** The function's call, its parameters numbered from `from`, as a table of the ordinals `o` that are not stored. */
export const settleCall = (from: number) => `settle_fenced(${placeholders(from, width)}) as unsettled(o)`

export function settleValues(batch: readonly SettleInput[], replicaId: string): unknown[] {
  return [
    uuidArray(batch.map((b) => b.projectId)),
    uuidArray(batch.map((b) => b.operationId)),
    int4Array(batch.map((b) => b.attempt)),
    int2Array(batch.map((b) => b.code)),
    byteaArray(batch.map((b) => b.response)),
    textArray(batch.map((b) => b.model)),
    uuidArray(batch.map((b) => b.cachedFrom ?? null)),
    replicaId,
    ...ledgerArrays(batch.flatMap((b) => b.ledger)),
  ]
}

/** Which inputs are not among the returned ordinals. */
export function storedOf(batch: readonly SettleInput[], rows: readonly { o: number }[]): boolean[] {
  const lost = new Set(rows.map((row) => row.o))
  return batch.map((_, index) => !lost.has(index + 1))
}

const text = `select o from ${settleCall(1)}`

/** Stores the batch, at most one input per operation. Returns for each input whether its result is stored. */
export async function settle(db: Queryable, batch: readonly SettleInput[], replicaId: string): Promise<boolean[]> {
  return storedOf(batch, await run<{ o: number }>(db, 'settle', text, settleValues(batch, replicaId)))
}
