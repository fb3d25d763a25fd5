import type { handleUnaryCall } from '@grpc/grpc-js'
import { toMetadata, type UnaryHandler } from './call.ts'
import { toBuffer } from './definition.ts'
import type { WireError } from './errors.ts'
import { incoming } from './incoming.ts'

/** The handler as grpc-js calls it. `handler` throws nothing but a {@link WireError}. */
export function unaryHandler(handler: UnaryHandler): handleUnaryCall<Buffer, Buffer> {
  return (serverCall, callback) => {
    const { call, answered } = incoming(serverCall)
    handler({ ...call, request: serverCall.request }).then(
      ({ response, trailers }) => {
        answered()
        callback(null, toBuffer(response), trailers ? toMetadata(trailers) : undefined)
      },
      (error: WireError) => {
        answered()
        callback(error)
      },
    )
  }
}
