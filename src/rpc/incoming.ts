import type { EventEmitter } from 'node:events'
import { type ServerDuplexStream, type ServerUnaryCall, type ServerWritableStream, status } from '@grpc/grpc-js'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import type { IncomingCall } from './call.ts'
import { PlainStatus } from './errors.ts'

const callerLeft = new PlainStatus(status.CANCELLED, 'the caller left')

type ServerCall =
  | ServerUnaryCall<Buffer, Buffer>
  | ServerWritableStream<Buffer, Buffer>
  | ServerDuplexStream<Buffer, Buffer>

/** A grpc-js call as an {@link IncomingCall}, whose signal does not fire any more once it was answered. */
export function incoming(call: ServerCall): {
  call: IncomingCall
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
  return {
    call: {
      path: call.getPath(),
      metadata: call.metadata,
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
