import { randomUUID } from 'node:crypto'
import { Metadata, type StatusObject, type status } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { Status } from '../../gen/google/rpc/status.ts'
import { DeedError } from '../errors/deed-error.ts'
import { encodeStatus, toStatus, withMetadata } from '../errors/status.ts'
import { internal } from '../operations/outcome.ts'
import { storageError } from '../storage/unavailable.ts'

/** An error that is ready to be sent. */
export type WireError = Pick<StatusObject, 'code' | 'details' | 'metadata'>

/** A result that was stored as an error: sent as it is stored, with the operation's trailers. */
export class StoredError extends Error {
  readonly response: Uint8Array
  readonly trailers: Readonly<Record<string, string>>

  constructor(response: Uint8Array, trailers: Readonly<Record<string, string>>) {
    super('the operation ended with an error')
    this.response = response
    this.trailers = trailers
  }
}

/** A plain status in gRPC's own words, without details. */
export class PlainStatus extends Error {
  readonly code: status

  constructor(code: status, message: string) {
    super(message)
    this.code = code
  }
}

/** The one mapping from what was thrown to what is sent. What is not expected becomes INTERNAL with an id that the log has too. */
export function toWireError(error: unknown, log: Logger): WireError {
  if (error instanceof PlainStatus) return { code: error.code, details: error.message, metadata: new Metadata() }
  if (error instanceof StoredError) return stored(error.response, error.trailers)
  return stored(encodeStatus(explained(error, log)), {})
}

/** The error of one request among several of a call, with its number, from 1, in the metadata of the ErrorInfo. */
export function ofRequest(error: unknown, number: number): unknown {
  const more = { request: String(number) }
  if (error instanceof StoredError) return new StoredError(withMetadata(error.response, more), error.trailers)
  const known = storageError(error)
  if (!(known instanceof DeedError)) return error
  const { code, reason, message, details, cause } = known
  return new DeedError(code, reason, message, { ...details, metadata: { ...details.metadata, ...more } }, cause)
}

/** The same as a message, for what is refused in the midst of others. */
export function toRefusal(error: unknown, log: Logger): Status {
  return toStatus(explained(error, log))
}

function explained(error: unknown, log: Logger): DeedError {
  const known = storageError(error)
  if (known instanceof DeedError) {
    if (known.reason === 'INTERNAL')
      log.error({ err: known.cause, id: known.details.metadata?.['id'] }, 'internal error')
    return known
  }
  const id = randomUUID()
  log.error({ err: error, id }, 'internal error')
  return internal(id)
}

function stored(bytes: Uint8Array, trailers: Readonly<Record<string, string>>): WireError {
  const { code, message } = Status.decode(bytes)
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value)
  metadata.set('grpc-status-details-bin', Buffer.from(bytes))
  return { code, details: message, metadata }
}
