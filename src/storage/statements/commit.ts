import {
  type AcceptInput,
  type AcceptOutput,
  type AcceptRow,
  accept,
  acceptCall,
  acceptedOf,
  acceptValues,
  acceptWidth,
} from './accept.ts'
import { type SettleInput, settle, settleCall, settleValues, storedOf } from './settle.ts'
import { type Queryable, run } from './statement.ts'

// Accept runs first, so that keys are locked before leases are, as everywhere. Rows of settle have no id.
const text = `select o, operation_id as "operationId", day::text as day, same, leased from ${acceptCall(1)}
  union all select o, null, null, null, null from ${settleCall(1 + acceptWidth)}`

/**
 * Accepts and settles in one transaction: one COMMIT to wait for instead of two that compete for the same disk and
 * processors. One output per input, in order, as {@link accept} and {@link settle} give them.
 */
export async function commit(
  db: Queryable,
  accepts: readonly AcceptInput[],
  settles: readonly SettleInput[],
  replicaId: string,
): Promise<{ accepted: AcceptOutput[]; stored: boolean[] }> {
  if (settles.length === 0) return { accepted: await accept(db, accepts, replicaId), stored: [] }
  if (accepts.length === 0) return { accepted: [], stored: await settle(db, settles, replicaId) }
  const values = [...acceptValues(accepts, replicaId), ...settleValues(settles, replicaId)]
  const rows = await run<{ o: number } & Partial<AcceptRow>>(db, 'commit', text, values)
  const changed = rows.filter((row): row is AcceptRow => typeof row.operationId === 'string')
  const unsettled = rows.filter((row) => typeof row.operationId !== 'string')
  return { accepted: acceptedOf(accepts, changed), stored: storedOf(settles, unsettled) }
}
