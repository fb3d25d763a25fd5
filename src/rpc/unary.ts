import type { handleUnaryCall, MethodDefinition } from '@grpc/grpc-js'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { toMetadata, type UnaryHandler, unaryCall, type WireError } from './call.ts'

const same = (bytes: Buffer) => bytes

/** A unary method over Buffers: what is in them is decoded behind the interceptors, where it can be answered with a status. */
export function unaryDefinition(path: string): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

/** The handler as grpc-js calls it. `handler` throws nothing but a {@link WireError}. */
export function unaryHandler(handler: UnaryHandler): handleUnaryCall<Buffer, Buffer> {
  return (serverCall, callback) => {
    const { call, answered } = unaryCall(serverCall, ROOT_CONTEXT)
    handler(call).then(
      ({ response, trailers }) => {
        answered()
        const bytes = Buffer.from(response.buffer, response.byteOffset, response.byteLength)
        callback(null, bytes, trailers ? toMetadata(trailers) : undefined)
      },
      (error: WireError) => {
        answered()
        callback(error)
      },
    )
  }
}
