import type { RetryOperationRequest, RetryOperationResponse } from '../../../gen/deed/v1/operation_service.ts'
import { decodeRequest } from '../../contracts/codec.ts'
import { dayOf } from '../../operations/ids.ts'
import { keyReused, operationNotFound } from '../../operations/outcome.ts'
import { findOperations } from '../../storage/statements/operations.ts'
import type { Queryable } from '../../storage/statements/statement.ts'
import { idempotencyKey } from '../idempotency-key.ts'
import { operationId, operationNotEnded } from '../operation-names.ts'
import type { Caller } from '../own-methods.ts'
import type { Submitter } from './submitter.ts'

/**
 * Accepts the request of an operation that ended once more, as a new one of the active version, which may have other rules. The
 * key of the first, in its metadata or its request, stays with the first.
 */
export async function retryOperation(
  db: Queryable,
  submitter: Submitter,
  { name, idempotencyKey: field }: RetryOperationRequest,
  { principal: { projectId, keyId }, metadata, context, signal }: Caller,
): Promise<RetryOperationResponse> {
  const id = operationId(name)
  const key = idempotencyKey(metadata, { idempotency_key: field })
  const [row] = await findOperations(db, projectId, [{ id, day: dayOf(id) }], 'all')
  if (!row) throw operationNotFound(id)
  if (row.code === null) throw operationNotEnded(name, 'wait for its end or cancel it before you retry it')
  const method = submitter.method(projectId, `${row.contract}/${row.method}`)
  const message = decodeRequest(method, row.request)
  const { standing, replayed } = await submitter.submit({
    projectId,
    method,
    message,
    request: row.request,
    key,
    apiKeyId: keyId,
    context,
    signal,
    retryOf: id,
  })
  if (standing.retryOf !== id) throw keyReused(standing.id)
  return { operation: await submitter.toLongRunning(projectId, standing), replayed }
}
