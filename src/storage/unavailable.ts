import { status } from '@grpc/grpc-js'
import { DeedError } from '../errors/deed-error.ts'

/**
 * SQLSTATEs after which the same statement may succeed later: connections (08), resources (53: disk full, too many
 * connections), operator intervention (57), deadlock and serialization (40), a lock not had in time, a read-only primary
 * in the middle of a failover, and I/O errors (58).
 */
const transient = /^(08|53|57|58|40)|^(55P03|25006)$/

/** What pg and Node say when there is no SQLSTATE because no server answered. */
const disconnected =
  /ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable|Cannot use a pool after calling end|Client has encountered a connection error/

/** Whether PostgreSQL could not be reached or was not able to answer, as opposed to refusing the statement. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof DeedError) return error.reason === 'STORAGE_UNAVAILABLE'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (/^[0-9A-Z]{5}$/.test(code) && /\d/.test(code)) return transient.test(code)
  if (disconnected.test(code) || disconnected.test(error.message)) return true
  if (error instanceof AggregateError) return error.errors.some(isUnavailable)
  return error.cause !== undefined && isUnavailable(error.cause)
}

/** The one place where an error of the driver becomes an error for callers: its text is dropped. */
export function storageError(error: unknown): unknown {
  if (error instanceof DeedError || !isUnavailable(error)) return error
  return new DeedError(
    status.UNAVAILABLE,
    'STORAGE_UNAVAILABLE',
    'the database cannot be reached; the call may be sent again',
    { retryDelayMs: 1000 },
    error,
  )
}
