import { type AcceptInput, type AcceptOutput, accept, acceptCall, acceptValues, acceptWidth } from './accept.ts'
import { type SettleInput, settle, settleCall, settleValues, storedOf } from './settle.ts'
import { type Queryable, run } from './statement.ts'

// Rows of accept come first: it runs first, so that keys are locked before leases are, as everywhere.
const text = `select o, operation_id as "operationId", day::text as day, same from ${acceptCall(1)}
  union all select o, null, null, null from ${settleCall(1 + acceptWidth)}`

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
  const rows = await run<AcceptOutput & { o: number }>(db, 'commit', text, values)
  const accepted = rows.splice(0, accepts.length)
  return { accepted, stored: storedOf(settles, rows) }
}
