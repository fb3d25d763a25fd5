import type { MethodDefinition } from '@grpc/grpc-js'

const same = (bytes: Buffer) => bytes

/** A method over Buffers: what is in them is decoded behind the interceptors, where it can be answered with a status. */
export function definition(
  path: string,
  { requestStream = false, responseStream = false } = {},
): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

/** A message as grpc-js takes it, without a copy. */
export function toBuffer(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength)
}
