import type { handleServerStreamingCall, ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js'
import type { StreamHandler } from './call.ts'
import { toBuffer } from './definition.ts'
import type { WireError } from './errors.ts'
import { incoming } from './incoming.ts'
import type { OpenCalls } from './open-calls.ts'

/** The handler as grpc-js calls it. `handler` throws nothing but a {@link WireError}; a drain ends it through its signal. */
export function streamHandler(handler: StreamHandler, open: OpenCalls): handleServerStreamingCall<Buffer, Buffer> {
  return (serverCall) => {
    const { call, end, answered } = incoming(serverCall)
    const close = open.add(end)
    const send = (message: Uint8Array) => write(serverCall, toBuffer(message), call.signal)
    handler({ ...call, request: serverCall.request, send })
      .then(
        () => {
          answered()
          serverCall.end()
        },
        (error: WireError) => {
          answered()
          if (!serverCall.cancelled) serverCall.emit('error', error)
        },
      )
      .finally(close)
  }
}

/** Of messages from this size on, no more than one waits in memory for its reader. */
const largeBytes = 64 * 1024

/**
 * A reader that is slower than this writes makes it wait: grpc-js takes 16 messages that are not large, HTTP/2 its window. Rejects with the
 * signal's reason.
 */
export async function write(
  call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  message: Buffer,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const { promise: taken, resolve, reject } = Promise.withResolvers<void>()
  const room = call.write(message, (error?: Error | null) => (error ? reject(error) : resolve()))
  if (room && message.byteLength < largeBytes) {
    taken.catch(() => {})
    return
  }
  // A call that was cancelled takes nothing and says nothing.
  const left = () => reject(signal.reason)
  signal.addEventListener('abort', left, { once: true })
  try {
    await taken
  } finally {
    signal.removeEventListener('abort', left)
  }
}
