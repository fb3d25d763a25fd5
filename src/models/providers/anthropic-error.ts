import { APIConnectionTimeoutError, APIError } from '@anthropic-ai/sdk'
import { ModelError, type Usage } from '../provider.ts'
import { brokenError, statusError } from './vendor-error.ts'

/** Whatever the SDK throws, as a ModelError that tells the status and nothing of what the vendor wrote. */
export function toModelError(error: unknown, known: { usage: Usage; requestId: string }): ModelError {
  if (error instanceof ModelError) return error
  const requestId = (error instanceof APIError ? error.requestID : undefined) ?? known.requestId
  const details = { usage: known.usage, providerRequestId: requestId, cause: error }
  if (!(error instanceof APIError)) return brokenError('protocol', details)
  const status: number | undefined = error.status ?? statusOf(error.type)
  if (status !== undefined) return statusError(status, error.headers, details)
  return brokenError(error instanceof APIConnectionTimeoutError ? 'timeout' : 'connection', details)
}

/** An error in the middle of a stream has a type where others have a status. */
function statusOf(type: string | null): number | undefined {
  return type === null ? undefined : STATUSES.get(type)
}

const STATUSES = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
])
