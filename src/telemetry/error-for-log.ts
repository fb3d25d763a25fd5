import { DeedError } from '../errors/deed-error.ts'

/** What of an error is logged. */
export type LoggedError = {
  type: string
  message?: string
  code?: string | number
  reason?: string
  stack?: string
  cause?: LoggedError
  errors?: LoggedError[]
}

const maxDepth = 4
const maxErrors = 8

/**
 * What is known to hold no payload: the fields that libraries add to their errors are left out, for a database driver's quote
 * rows and a vendor's SDK keeps what was sent; so are the violations in a DeedError's details. A DeedError is an outcome and not
 * a fault in the code: it has no stack. Of a thrown value that is no Error only the type is told.
 */
export function errorForLog(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: error === null ? 'null' : typeof error }
  const logged: LoggedError = { type: error.name, message: error.message }
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) logged.code = error.code
  if (error instanceof DeedError) logged.reason = error.reason
  else if (error.stack !== undefined) logged.stack = error.stack
  if (depth >= maxDepth) return logged
  if (error.cause !== undefined) logged.cause = errorForLog(error.cause, depth + 1)
  if (error instanceof AggregateError) {
    logged.errors = error.errors.slice(0, maxErrors).map((each: unknown) => errorForLog(each, depth + 1))
  }
  return logged
}
