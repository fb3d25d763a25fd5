import { Metadata } from '@grpc/grpc-js'
import type { Context } from '@opentelemetry/api'
import type { Principal } from '../access/principal.ts'

/** One call on its way in. Interceptors fill in what they find out. */
export type IncomingCall = {
  /** `/package.Service/Method` */
  readonly path: string
  readonly metadata: Metadata
  /** When the caller's deadline is, in milliseconds since 1970; Infinity without one. */
  readonly deadlineMs: number
  /** Fires when the client cancels, its deadline passes, or a call without an end is ended by a drain; its reason is what to answer. */
  readonly signal: AbortSignal
  /** The trace that the call belongs to. */
  context: Context
  /** Set by the interceptor `authenticate`; those behind it may rely on it. */
  principal: Principal | undefined
}

/** A call that brings one message. */
export type UnaryCall = IncomingCall & { readonly request: Buffer }

export type Trailers = Readonly<Record<string, string>>

/** What goes out: the response message, and trailers beside it. */
export type UnaryReply = { response: Uint8Array; trailers?: Trailers }

export type UnaryHandler = (call: UnaryCall) => Promise<UnaryReply>

/** A call that is answered with a stream of messages. `send` resolves when there is room for another. */
export type StreamCall = UnaryCall & { send(message: Uint8Array): Promise<void> }

/** Resolves when the stream is over. */
export type StreamHandler = (call: StreamCall) => Promise<void>

/**
 * A call of which it is not yet known how many messages it brings and is sent. `requests` ends when the caller has sent all, and throws
 * UNAVAILABLE when a drain begins before; it may be read once. `begin` sends headers at once. `send` resolves when there is room for
 * another message, and rejects when its signal fires, which is the call's unless another is given.
 */
export type DuplexCall = IncomingCall & {
  readonly requests: AsyncIterable<Buffer>
  begin(headers: Trailers): void
  send(message: Uint8Array, signal?: AbortSignal): Promise<void>
}

/** Resolves with the trailers when the call has been answered. */
export type DuplexHandler = (call: DuplexCall) => Promise<Trailers>

/** The one value of a metadata key, or undefined. */
export function metadataValue(metadata: Metadata, key: string): string | undefined {
  const [value] = metadata.get(key)
  return value === undefined ? undefined : value.toString()
}

export function toMetadata(entries: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value)
  return metadata
}
