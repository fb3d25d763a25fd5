import type { EventEmitter } from 'node:events'
import { type ServerUnaryCall, type ServerWritableStream, status } from '@grpc/grpc-js'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import type { UnaryCall } from './call.ts'
import { PlainStatus } from './errors.ts'

const callerLeft = new PlainStatus(status.CANCELLED, 'the caller left')

/** A grpc-js call as a {@link UnaryCall}, whose signal does not fire any more once it was answered. */
export function incoming(call: ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>): {
  call: UnaryCall
  /** Ends the call from this side: `reason` is what it is answered with. */
  end: (reason: unknown) => void
  answered: () => void
} {
  const controller = new AbortController()
  // grpc-js says 'cancelled' at the end of every call too.
  let isAnswered = false
  const end = (reason: unknown) => {
    if (!isAnswered) controller.abort(reason)
  }
  if (call.cancelled) end(callerLeft)
  else emitterOf(call).on('cancelled', () => end(callerLeft))
  const { metadata, request } = call
  return {
    call: {
      path: call.getPath(),
      metadata,
      request,
      deadlineMs: Number(call.getDeadline()),
      signal: controller.signal,
      context: ROOT_CONTEXT,
      principal: undefined,
    },
    end,
    answered: () => {
      isAnswered = true
    },
  }
}

/** The shapes of calls have their listeners typed each in its own way. */
function emitterOf(call: EventEmitter): EventEmitter {
  return call
}
