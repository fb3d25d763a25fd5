import { Metadata } from '@grpc/grpc-js'
import type {
  BatchSubmitOperationsRequest,
  BatchSubmitOperationsResponse,
} from '../../../gen/deed/v1/operation_service.ts'
import { SubmitOutcome } from '../../../gen/deed/v1/operation_service.ts'
import type { Status } from '../../../gen/google/rpc/status.ts'
import { invalidKey } from '../idempotency-key.ts'
import type { Caller } from '../own-methods.ts'
import { submitOperation } from './submit.ts'
import type { Submitter } from './submitter.ts'

/** Clients take 4 MB. What is over is left out: responses of replayed operations, which GetOperation has, and violations. */
const maxBytes = 3_000_000
/** Of an error that is to keep its details. */
const maxErrorBytes = 2_000

/** Accepts calls at once, so that they are committed together. Each has an outcome of its own. */
export async function batchSubmit(
  submitter: Submitter,
  { requests }: BatchSubmitOperationsRequest,
  caller: Caller,
): Promise<BatchSubmitOperationsResponse> {
  if (caller.metadata.get('idempotency-key').length > 0) {
    throw invalidKey('metadata.idempotency-key', 'cannot be of a whole batch: give each of its requests a key')
  }
  const alone = { ...caller, metadata: new Metadata() }
  const submitted = requests.map(async (request): Promise<SubmitOutcome> => {
    try {
      const { operation, replayed } = await submitOperation(submitter, request, alone)
      return { outcome: operation && { $case: 'operation', value: operation }, replayed }
    } catch (error) {
      return { outcome: { $case: 'error', value: lean(submitter.toRefusal(error)) }, replayed: false }
    }
  })
  return { outcomes: fitting(await Promise.all(submitted)) }
}

/** All that a caller needs to tell what is wrong, in a size of which a thousand go into one response. */
function lean(error: Status): Status {
  let bytes = 0
  const details = error.details.filter(({ typeUrl, value }) => {
    bytes += typeUrl.length + value.byteLength
    return bytes <= maxErrorBytes
  })
  return { ...error, details }
}

function fitting(outcomes: readonly SubmitOutcome[]): SubmitOutcome[] {
  let bytes = 0
  return outcomes.map((each) => {
    const size = SubmitOutcome.encode(each).finish().byteLength
    if (bytes + size <= maxBytes || each.outcome?.$case !== 'operation') {
      bytes += size
      return each
    }
    return { ...each, outcome: { $case: 'operation', value: { ...each.outcome.value, result: undefined } } }
  })
}
