import { createHash } from 'node:crypto'
import type { Message } from '@bufbuild/protobuf'
import { fingerprint } from '../contracts/fingerprint.ts'
import type { Method } from '../contracts/method.ts'
import { type Acceptor, traceparentOf } from './acceptor.ts'
import type { Submission } from './call.ts'
import type { Accepted } from './commits.ts'
import { dayOf, newId } from './ids.ts'
import { keyReused } from './outcome.ts'

/** A lease outlasts its attempt by this, so that only an attempt which this process failed to stop counts as hung. */
const leaseSlackMs = 10_000

/** `made`: this call made the operation. `receivedAt`: when the call came, on this process's monotonic clock. */
export type Admitted = Accepted & { made: boolean; receivedAt: number }

/** `detached`: it goes on without its caller. `here`: this replica begins with it at once, unless its project has a limit. */
export type Admission = { nowMs: number; detached: boolean; here: boolean }

/** Commits a call as an operation, or finds the one that its key names. Rejects with a DeedError. */
export async function admit(
  acceptor: Acceptor,
  { projectId, method, message, request, key, apiKeyId, context, signal, retryOf }: Submission,
  { nowMs, detached, here }: Admission,
): Promise<Admitted> {
  const { policy } = method
  const id = newId(nowMs)
  const receivedAt = performance.now()
  // What has nobody but its caller is tried again under the same lease.
  const attemptMs = detached ? Math.min(policy.attemptTimeoutMs, policy.timeoutMs) : policy.timeoutMs
  const input = {
    projectId,
    id,
    day: dayOf(id),
    contract: method.contract,
    version: method.version,
    method: method.name,
    key,
    fingerprint: key === undefined ? undefined : fingerprintOf(method, message),
    request,
    traceparent: traceparentOf(context),
    priority: policy.priority,
    maxFailures: policy.maxFailures,
    attemptTimeoutMs: attemptMs + leaseSlackMs,
    timeoutMs: policy.timeoutMs,
    queueTimeoutMs: policy.queueTimeoutMs,
    detached,
    here,
    retryOf,
    apiKeyId,
  }
  const accepted = await acceptor.accept(input, signal)
  if (!accepted.same) throw keyReused(accepted.operationId)
  return { ...accepted, made: accepted.operationId === id, receivedAt }
}

/**
 * Where a version answers with a stream and another with one message, their calls are other requests: neither could be replayed as the
 * other.
 */
function fingerprintOf({ input, shape }: Method, message: Message): Buffer {
  const ofRequest = fingerprint(input, message)
  return shape === 'server_streaming' ? createHash('sha256').update(ofRequest).update(shape).digest() : ofRequest
}
