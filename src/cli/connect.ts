import { readFile } from 'node:fs/promises'
import { Client, connectivityState, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { type Exchange, type Exchanged, exchange } from './exchange.ts'
import { Failure } from './failure.ts'
import { refusal, wasDetailed } from './refusal.ts'
import { type StreamMethod, streamed } from './streamed.ts'

export type { StreamMethod }

/** The server that a command talks to, and the key it shows there. */
export type Target = {
  /** `host:port` */
  address: string
  key: string | undefined
  /** Read for the key when there is none. */
  keyFile: string
}

/** A unary method as ts-proto generates it. */
export type UnaryMethod<Q, S> = {
  path: string
  requestSerialize: (value: Q) => Buffer
  responseDeserialize: (value: Buffer) => S
}

export type CallOptions = {
  /** Milliseconds; every call has an end. */
  timeoutMs?: number
  idempotencyKey?: string | undefined
  /** For methods that anyone may call. */
  withoutKey?: boolean
}

export type Reply<S> = { response: S; trailers: Metadata }

export type Connection = {
  /** Makes a call. Throws a Failure that says what the server refused, or that it cannot be reached. */
  call<Q, S>(method: UnaryMethod<Q, S>, request: Q, options?: CallOptions): Promise<Reply<S>>
  /** Makes a call of any shape, over bytes. Throws as `call` does, after the messages that came before. */
  exchange(exchange: Exchange, options?: CallOptions): Promise<Exchanged>
  /** Makes a call that is answered with any number of messages, for as long as it takes. Throws as `call` does. */
  stream<Q, S>(method: StreamMethod<Q, S>, request: Q): AsyncGenerator<S>
  [Symbol.dispose](): void
}

const defaultTimeoutMs = 30_000

/**
 * For commands that go on when the server is away for a while: a channel left to itself comes to wait two minutes before it
 * tries again, and a connection that is silently gone would never be missed.
 */
const channelOptions = {
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
}

/** A failure of a call that no server took. */
export class Unreachable extends Failure {}

/** Connects when the first call is made. `signal` cancels the calls. */
export function connect(target: Target, signal: AbortSignal): Connection {
  const client = new Client(target.address, credentials.createInsecure(), {
    ...channelOptions,
    'grpc.max_receive_message_length': -1,
    // A proxy for the way out is no way to this machine.
    ...(isLoopback(target.address) && { 'grpc.enable_http_proxy': 0 }),
  })
  return {
    async call(method, request, options = {}) {
      const metadata = await metadataOf(target, options)
      const deadline = Date.now() + (options.timeoutMs ?? defaultTimeoutMs)
      try {
        return await unary(client, method, request, metadata, deadline, signal)
      } catch (error) {
        throw isServiceError(error) ? explain(error, client, target.address, signal) : error
      }
    },
    async exchange(messages, options = {}) {
      const metadata = await metadataOf(target, options)
      const deadline = Date.now() + (options.timeoutMs ?? defaultTimeoutMs)
      try {
        return await exchange(client, messages, metadata, deadline, signal)
      } catch (error) {
        throw isServiceError(error) ? explain(error, client, target.address, signal) : error
      }
    },
    async *stream(method, request) {
      const metadata = await metadataOf(target, {})
      try {
        yield* streamed(client, method, request, metadata, signal)
      } catch (error) {
        throw isServiceError(error) ? explain(error, client, target.address, signal) : error
      }
    },
    [Symbol.dispose]: () => client.close(),
  }
}

function unary<Q, S>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: UnaryMethod<Q, S>,
  request: Q,
  metadata: Metadata,
  deadline: number,
  signal: AbortSignal,
): Promise<Reply<S>> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply<S>>()
  let response: S | undefined
  const call = client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    metadata,
    { deadline },
    (error, value) => {
      if (error) reject(error)
      else response = value
    },
  )
  // The trailers come last, after the response.
  call.on('status', ({ metadata: trailers }) => {
    if (response !== undefined) resolve({ response, trailers })
  })
  const cancel = () => call.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  return promise.finally(() => signal.removeEventListener('abort', cancel))
}

async function metadataOf(target: Target, { idempotencyKey, withoutKey = false }: CallOptions): Promise<Metadata> {
  const metadata = new Metadata()
  try {
    if (!withoutKey) metadata.set('authorization', `Bearer ${target.key ?? (await readKey(target.keyFile))}`)
    if (idempotencyKey !== undefined) metadata.set('idempotency-key', idempotencyKey)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('a key may hold only printable ASCII characters', { exitCode: 2 }, error)
  }
  return metadata
}

async function readKey(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const cause = code === 'ENOENT' ? 'is not there' : `cannot be read: ${code}`
    const hint = 'set DEED_KEY, or DEED_DATA_DIR to the data folder of the server'
    throw new Failure(`no API key: ${path} ${cause}`, { hint }, error)
  }
}

function explain(error: ServiceError, client: Client, address: string, signal: AbortSignal): Failure {
  if (signal.aborted) return new Failure('interrupted')
  const unanswered = error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED
  if (unanswered && !wasDetailed(error) && !isConnected(client)) {
    const { cause, hint } = unreachable(error.details)
    return new Unreachable(
      `cannot reach a Deed server at ${address}: ${cause}`,
      { hint, json: { code: 'UNAVAILABLE' } },
      error,
    )
  }
  return refusal(error)
}

/** By gRPC's words, which tell how far the connection got. */
function unreachable(details: string): { cause: string; hint: string } {
  if (/ENOTFOUND|EAI_AGAIN|Name resolution failed/i.test(details)) {
    return { cause: 'that host is unknown', hint: 'check DEED_ADDRESS, or your network' }
  }
  if (/ECONNREFUSED/.test(details)) {
    return { cause: 'nothing listens there', hint: 'start one with "npx deed serve", or set DEED_ADDRESS' }
  }
  const hint = 'set DEED_ADDRESS to where a Deed server is'
  return /Protocol error|HTTP|parse/i.test(details)
    ? { cause: 'what listens there does not speak gRPC', hint }
    : { cause: 'no answer', hint }
}

function isConnected(client: Client): boolean {
  const state = client.getChannel().getConnectivityState(false)
  return state === connectivityState.READY || state === connectivityState.IDLE
}

function isLoopback(address: string): boolean {
  return /^(localhost|127\.[0-9.]+|\[::1\]):\d+$/.test(address)
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'metadata' in error
}
