import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import { type Operation, OperationsService, WaitOperationRequest } from '../../gen/google/longrunning/operations.ts'
import { type DeedClient, echoMethod, type Outcome, reasonOf } from './deed-client.ts'

/** Within which one wait ends, so that another replica can be asked. */
const waitMs = 5_000
/** An operation that has no end by then is lost. */
const patienceMs = 180_000

/**
 * As `echo`, by an operation that is submitted and then waited for. What was not taken is UNAVAILABLE; what was taken is waited for,
 * at whichever of the clients, until it has its end.
 */
export async function submitEcho(clients: () => DeedClient, text: string, key: string): Promise<Outcome> {
  const startedAt = performance.now()
  const request = { method: echoMethod, request: { text }, idempotencyKey: key }
  const { code, value, trailers } = await clients().unary(OperationServiceService.submitOperation, request)
  const outcome = (more: Partial<Outcome>): Outcome => ({
    code,
    bytes: undefined,
    operation: undefined,
    replayed: value?.replayed ?? false,
    reason: reasonOf(trailers).reason,
    retryAfterSeconds: reasonOf(trailers).retryAfterSeconds,
    tookMs: performance.now() - startedAt,
    ...more,
  })
  const name = value?.operation?.name
  if (name === undefined) return outcome({})
  const ended = await end(clients, name)
  if (typeof ended === 'number') return outcome({ code: ended, operation: name, reason: 'it was taken' })
  const { result } = ended
  return result?.$case === 'response'
    ? outcome({ code: status.OK, operation: name, bytes: Buffer.from(result.value.value) })
    : outcome({ code: result?.value.code ?? status.UNKNOWN, operation: name, reason: result?.value.message })
}

/** The operation as it ended; or the status that says that there is no such operation, or that it never ends. */
async function end(clients: () => DeedClient, name: string): Promise<Operation | status> {
  const until = performance.now() + patienceMs
  const timeout = { seconds: BigInt(waitMs / 1_000), nanos: 0 }
  while (performance.now() < until) {
    const request = WaitOperationRequest.fromPartial({ name, timeout })
    const { code, value } = await clients().unary(OperationsService.waitOperation, request)
    if (value?.done) return value
    if (code !== status.OK && code !== status.UNAVAILABLE && code !== status.DEADLINE_EXCEEDED) return code
    if (code !== status.OK) await sleep(20)
  }
  return status.DATA_LOSS
}
