import { type CallOptions, type ClientUnaryCall, Metadata, type ServiceError } from '@grpc/grpc-js'
import { Refusal } from './refusal.ts'

/** A unary method of a client that ts-proto generated. */
type Unary<Req, Res> = (
  request: Req,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Res) => void,
) => ClientUnaryCall

export type Reply<Res> = { response: Res; trailers: Metadata }

export type CallWith = {
  /** The API key. */
  secret: string
  /** The idempotency key. */
  key: string
  /** Milliseconds since 1970. */
  deadline: number
}

/** One attempt at a call, with the metadata that Deed reads. Rejects with a Refusal. */
export function callUnary<Req, Res>(
  method: Unary<Req, Res>,
  request: Req,
  { secret, key, deadline }: CallWith,
): Promise<Reply<Res>> {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${secret}`)
  metadata.set('idempotency-key', key)
  const { promise, resolve, reject } = Promise.withResolvers<Reply<Res>>()
  let response: Res | undefined
  const call = method(request, metadata, { deadline }, (error, value) => {
    if (error) reject(new Refusal(error))
    else response = value
  })
  // The trailers come last, after the response.
  call.on('status', ({ metadata: trailers }) => {
    if (response !== undefined) resolve({ response, trailers })
  })
  return promise
}
