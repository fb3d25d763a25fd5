import { insertLedger, type LedgerRow, ledgerArrays, ledgerParameters, ledgerWidth } from './ledger.ts'
import { placeholders, type Queryable, run } from './statement.ts'
import { intoTimer } from './unfinished.ts'

/** Moves a leased operation to timer after a failed attempt, guarded like settle. Returns 1 when it moved. */
export const retryFunction = `
create or replace function retry(p uuid, i uuid, a int, who uuid, delay_ms float8, ${ledgerParameters})
returns int language plpgsql as $$
declare moved int;
begin
  ${insertLedger};
  with del as (delete from lease l where l.project_id = p and l.operation_id = i and l.attempt = a and l.replica_id = who returning *),
  ins as (${intoTimer("now() + delay_ms * interval '1 ms'", 'attempt, failures + 1, crashes')} from del returning 1)
  select count(*) into moved from ins;
  return moved;
end $$`

/** Returns false when the lease was lost, or when an earlier call whose reply was lost has moved it. */
export async function retry(
  db: Queryable,
  operation: { projectId: string; operationId: string; attempt: number },
  replicaId: string,
  delayMs: number,
  ledger: readonly LedgerRow[],
): Promise<boolean> {
  const text = `select retry($1, $2, $3, $4, $5, ${placeholders(6, ledgerWidth)}) as moved`
  const { projectId, operationId, attempt } = operation
  const values = [projectId, operationId, attempt, replicaId, delayMs, ...ledgerArrays(ledger)]
  const rows = await run<{ moved: number }>(db, 'retry', text, values)
  return rows[0]?.moved === 1
}
