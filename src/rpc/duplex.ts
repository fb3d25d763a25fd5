import type { handleBidiStreamingCall } from '@grpc/grpc-js'
import { type DuplexHandler, toMetadata } from './call.ts'
import { toBuffer } from './definition.ts'
import type { WireError } from './errors.ts'
import { incoming } from './incoming.ts'
import type { OpenCalls } from './open-calls.ts'
import { Requests } from './requests.ts'
import { write } from './server-stream.ts'

/**
 * The handler as grpc-js calls it, for any shape of call. `handler` throws nothing but a {@link WireError}. A drain ends the reading
 * of requests that are still to come; what was asked is work, and is answered.
 */
export function duplexHandler(handler: DuplexHandler, open: OpenCalls): handleBidiStreamingCall<Buffer, Buffer> {
  return (serverCall) => {
    const { call, answered } = incoming(serverCall)
    const requests = new Requests(serverCall, call.signal)
    const close = open.add((reason) => requests.fail(reason))
    serverCall.once('end', close)
    const send = (message: Uint8Array, signal = call.signal) => write(serverCall, toBuffer(message), signal)
    const begin = (headers: Readonly<Record<string, string>>) => {
      if (!serverCall.cancelled) serverCall.sendMetadata(toMetadata(headers))
    }
    handler({ ...call, requests, begin, send })
      .then(
        (trailers) => {
          answered()
          serverCall.end(toMetadata(trailers))
        },
        (error: WireError) => {
          answered()
          if (!serverCall.cancelled) serverCall.emit('error', error)
        },
      )
      .finally(close)
  }
}
