import { type EventEmitter, once } from 'node:events'
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

/** A reader that is slower than this writes makes it wait: grpc-js takes 16 messages, HTTP/2 its window. */
export async function write(
  call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  message: Buffer,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  if (call.write(message)) return
  const emitter: EventEmitter = call
  await once(emitter, 'drain', { signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw error
  })
}
