import { type CallOptions, type ClientUnaryCall, Metadata, type ServiceError } from '@grpc/grpc-js'
import { Status } from '../../../gen/google/rpc/status.ts'
import { readStatus, type StatusDetails } from '../../../src/errors/status-details.ts'

/** A unary method of a client that ts-proto generated. */
export type Unary<Req, Res> = (
  request: Req,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Res) => void,
) => ClientUnaryCall

export type Reply<Res> =
  | { kind: 'answer'; response: Res; replayed: boolean }
  /** What a google.rpc.Status says: code, reason, violations. */
  | { kind: 'refusal'; status: StatusDetails }

const deadlineMs = 90_000

/** Calls with the metadata that Deed reads. Throws when the error is not one of Deed's: then nobody explained it. */
export async function call<Req, Res>(
  method: Unary<Req, Res>,
  request: Req,
  { key, idempotencyKey }: { key: string; idempotencyKey?: string },
  signal: AbortSignal,
): Promise<Reply<Res>> {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${key}`)
  if (idempotencyKey !== undefined) metadata.set('idempotency-key', idempotencyKey)
  signal.throwIfAborted()

  const { promise, resolve, reject } = Promise.withResolvers<Reply<Res>>()
  let response: Res | undefined
  const running = method(request, metadata, { deadline: Date.now() + deadlineMs }, (error, value) => {
    if (!error) response = value
    else if (signal.aborted) reject(signal.reason)
    else {
      const [details] = error.metadata.get('grpc-status-details-bin')
      if (Buffer.isBuffer(details)) resolve({ kind: 'refusal', status: readStatus(Status.decode(details)) })
      else reject(error)
    }
  })
  // The trailers come last, after the response.
  running.on('status', ({ metadata: trailers }) => {
    if (response === undefined) return
    resolve({ kind: 'answer', response, replayed: trailers.get('deed-replayed')[0] === 'true' })
  })
  const cancel = () => running.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  return promise.finally(() => signal.removeEventListener('abort', cancel))
}
