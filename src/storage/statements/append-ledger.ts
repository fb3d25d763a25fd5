import { insertLedger, type LedgerRow, ledgerArrays, ledgerParameters, ledgerWidth } from './ledger.ts'
import { placeholders, type Queryable, run } from './statement.ts'

/** Completions of an attempt that ends without a result of its own: it was drained, or its replica lost. */
export const appendLedgerFunction = `
create or replace function append_ledger(${ledgerParameters}) returns void language plpgsql as $$
begin
  ${insertLedger};
end $$`

export async function appendLedger(db: Queryable, rows: readonly LedgerRow[]): Promise<void> {
  await run(db, 'append_ledger', `select append_ledger(${placeholders(1, ledgerWidth)})`, ledgerArrays(rows))
}
