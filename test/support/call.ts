import {
  type CallOptions,
  type Client,
  type ClientUnaryCall,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  QuotaFailure,
  RetryInfo,
} from '../../gen/google/rpc/error_details.ts'
import { Status } from '../../gen/google/rpc/status.ts'

/** How a call is made. `key` is the bearer secret; null sends none. */
export type CallWith = {
  key?: string | null
  metadata?: Readonly<Record<string, string | string[]>>
  /** Default 20 s. */
  deadlineMs?: number
  signal?: AbortSignal
}

export type Reply<T> = { response: T; trailers: Readonly<Record<string, string>> }

/** A call that ended in an error, with what its google.rpc.Status holds. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: status
  /** The status message. */
  readonly details: string
  /** Without `grpc-status-details-bin`. */
  readonly trailers: Readonly<Record<string, string>>
  /** Undefined when the error came without details. */
  readonly status: Status | undefined

  constructor({ code, details, metadata }: ServiceError) {
    super(`${status[code]}: ${details}`)
    const [bytes] = metadata.get('grpc-status-details-bin')
    this.code = code
    this.details = details
    this.trailers = textsOf(metadata)
    this.status = Buffer.isBuffer(bytes) ? Status.decode(bytes) : undefined
  }

  /** The reason of the ErrorInfo. */
  get reason(): string {
    return this.info?.reason ?? ''
  }

  get info(): ErrorInfo | undefined {
    return this.#detail('ErrorInfo', ErrorInfo)
  }

  /** `field: description` of each violation. */
  get violations(): string[] {
    const found = this.#detail('BadRequest', BadRequest)?.fieldViolations ?? []
    return found.map(({ field, description }) => `${field}: ${description}`)
  }

  get preconditions(): PreconditionFailure['violations'] {
    return this.#detail('PreconditionFailure', PreconditionFailure)?.violations ?? []
  }

  get quotas(): QuotaFailure['violations'] {
    return this.#detail('QuotaFailure', QuotaFailure)?.violations ?? []
  }

  get retry(): RetryInfo | undefined {
    return this.#detail('RetryInfo', RetryInfo)
  }

  #detail<T>(name: string, codec: { decode(bytes: Uint8Array): T }): T | undefined {
    const found = this.status?.details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`)
    return found && codec.decode(found.value)
  }
}

/** One unary call of any method. Rejects with a {@link CallError}. */
export function callUnary<Req, Res>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<Req, Res>,
  request: Req,
  { key, metadata = {}, deadlineMs = 20_000, signal }: CallWith = {},
): Promise<Reply<Res>> {
  const sent = metadataOf(metadata)
  if (key) sent.set('authorization', `Bearer ${key}`)
  const options: CallOptions = { deadline: Date.now() + deadlineMs }
  return new Promise((resolve, reject) => {
    let trailers = new Metadata()
    let response: Res | undefined
    const done = (error: ServiceError | null, value?: Res) => {
      if (error) reject(new CallError(error))
      else response = value
    }
    const call: ClientUnaryCall = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      sent,
      options,
      done,
    )
    signal?.addEventListener('abort', () => call.cancel(), { once: true })
    call.on('status', (ended) => {
      trailers = ended.metadata
      // The status comes just after the callback.
      if (response !== undefined) resolve({ response, trailers: textsOf(trailers) })
    })
  })
}

/** A method of any path over bytes, as they are. */
export function bytesMethod(path: string): MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer) => bytes
  const shape = { path, requestStream: false, responseStream: false }
  return {
    ...shape,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

/** What a call was refused with. Throws when it was answered. */
export async function refusal(call: Promise<unknown>): Promise<CallError> {
  const [result] = await Promise.allSettled([call])
  if (result.status === 'fulfilled') throw new Error('the call was answered')
  if (result.reason instanceof CallError) return result.reason
  throw result.reason
}

function metadataOf(entries: Readonly<Record<string, string | string[]>>): Metadata {
  const metadata = new Metadata()
  for (const [name, values] of Object.entries(entries)) for (const value of [values].flat()) metadata.add(name, value)
  return metadata
}

function textsOf(metadata: Metadata): Record<string, string> {
  const entries = Object.entries(metadata.getMap())
  return Object.fromEntries(entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])))
}
