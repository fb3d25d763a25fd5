import { Metadata, type ServerUnaryCall, type StatusObject } from '@grpc/grpc-js'
import type { Context } from '@opentelemetry/api'
import type { Principal } from '../access/principal.ts'

/** One unary call on its way in. Interceptors fill in what they find out. */
export type UnaryCall = {
  /** `/package.Service/Method` */
  readonly path: string
  readonly metadata: Metadata
  readonly request: Buffer
  /** Fires when the client cancels, or its deadline passes. */
  readonly signal: AbortSignal
  /** The trace that the call belongs to. */
  context: Context
  /** Set by the interceptor `authenticate`; those behind it may rely on it. */
  principal: Principal | undefined
}

/** What goes out: the response message, and trailers beside it. */
export type UnaryReply = { response: Uint8Array; trailers?: Readonly<Record<string, string>> }

export type UnaryHandler = (call: UnaryCall) => Promise<UnaryReply>

/** An error that is ready to be sent. */
export type WireError = Pick<StatusObject, 'code' | 'details' | 'metadata'>

const callerLeft = new Error('the caller left')

/** A grpc-js call as a {@link UnaryCall}, whose signal does not fire any more once it was answered. */
export function unaryCall(
  call: ServerUnaryCall<Buffer, Buffer>,
  context: Context,
): { call: UnaryCall; answered: () => void } {
  const controller = new AbortController()
  // grpc-js says 'cancelled' at the end of every call too.
  let isAnswered = false
  if (call.cancelled) controller.abort(callerLeft)
  else
    call.on('cancelled', () => {
      if (!isAnswered) controller.abort(callerLeft)
    })
  const { metadata, request } = call
  return {
    call: { path: call.getPath(), metadata, request, signal: controller.signal, context, principal: undefined },
    answered: () => {
      isAnswered = true
    },
  }
}

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
