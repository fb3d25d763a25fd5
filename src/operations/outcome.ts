import { status } from '@grpc/grpc-js'
import { DeedError } from '../errors/deed-error.ts'

/** The replica that held an operation is gone, and nobody can collect its answer. */
export function replicaLost(): DeedError {
  return new DeedError(
    status.ABORTED,
    'REPLICA_LOST',
    'the replica that worked on this operation was lost; send the call again, with an idempotency-key to make it survive that',
  )
}

/** The operation's timeout passed, or its attempts hung as often as the policy allows. */
export function timedOut(): DeedError {
  return new DeedError(
    status.DEADLINE_EXCEEDED,
    'OPERATION_TIMED_OUT',
    "the operation did not end within its policy's timeouts",
  )
}

/** The caller of an operation without a key went away. */
export function cancelled(): DeedError {
  return new DeedError(
    status.CANCELLED,
    'OPERATION_CANCELLED',
    'the caller left; without an idempotency-key an operation ends with its caller',
  )
}

/** Somebody asked for its end. */
export function cancelledOnRequest(): DeedError {
  return new DeedError(status.CANCELLED, 'OPERATION_CANCELLED', 'the operation was cancelled on request')
}

/** It was in the queue for longer than its policy allows. */
export function queuedTooLong(): DeedError {
  return new DeedError(
    status.DEADLINE_EXCEEDED,
    'OPERATION_TIMED_OUT',
    "no replica took the operation up within its policy's queue_timeout and timeout",
  )
}

/** There never was such an operation in the project, or it was deleted. */
export function operationNotFound(operationId: string): DeedError {
  const name = `operations/${operationId}`
  return new DeedError(status.NOT_FOUND, 'OPERATION_NOT_FOUND', `there is no ${name} in this project`, {
    metadata: { name },
  })
}

/** The replica drains and takes no more calls. */
export function shuttingDown(): DeedError {
  return new DeedError(
    status.UNAVAILABLE,
    'SHUTTING_DOWN',
    'this replica is shutting down; another will take the call',
    { retryDelayMs: 100 },
  )
}

/** The replica holds as many calls as it can. */
export function overloaded(limit: number): DeedError {
  return new DeedError(status.RESOURCE_EXHAUSTED, 'OVERLOADED', `this replica has ${limit} calls in flight`, {
    retryDelayMs: 1000,
    quotas: [{ subject: 'replica', description: `calls in flight: ${limit} at the most` }],
  })
}

/** The database could not be reached; what was asked may go on under its key. */
export function storageUnavailable(): DeedError {
  return new DeedError(
    status.UNAVAILABLE,
    'STORAGE_UNAVAILABLE',
    'the database cannot be reached; the call may be sent again',
    {
      retryDelayMs: 1000,
    },
  )
}

/** A fault of Deed's own, logged under the id. */
export function internal(id: string): DeedError {
  return new DeedError(status.INTERNAL, 'INTERNAL', `an internal error; the server logged it under the id ${id}`, {
    metadata: { id },
  })
}

/** The key is taken by another call. */
export function keyReused(operationId: string): DeedError {
  const message = 'the idempotency-key was used with another request'
  return new DeedError(status.FAILED_PRECONDITION, 'IDEMPOTENCY_KEY_REUSED', message, {
    metadata: { operation: `operations/${operationId}` },
    preconditions: [
      {
        type: 'IDEMPOTENCY_KEY',
        subject: `operations/${operationId}`,
        description: 'send the first request again under this key, or this request under a new one',
      },
    ],
  })
}
