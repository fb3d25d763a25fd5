import { APIConnectionTimeoutError, APIError } from '@anthropic-ai/sdk'
import { ModelError, type ModelErrorKind, type Usage } from '../provider.ts'

/** No vendor asks for more in earnest, and a nonsensical header must not park an operation. */
const MAX_RETRY_AFTER_MS = 3_600_000

/** Whatever the SDK throws, as a ModelError that tells the status and nothing of what the vendor wrote. */
export function toModelError(error: unknown, known: { usage: Usage; requestId: string }): ModelError {
  if (error instanceof ModelError) return error
  const requestId = (error instanceof APIError ? error.requestID : undefined) ?? known.requestId
  const details = { usage: known.usage, providerRequestId: requestId, cause: error }
  if (!(error instanceof APIError))
    return new ModelError('unavailable', 'the provider sent what is not its protocol', details)
  const status: number | undefined = error.status ?? statusOf(error.type)
  if (status === undefined) {
    const timedOut = error instanceof APIConnectionTimeoutError
    return new ModelError(
      'unavailable',
      timedOut ? 'the provider did not answer in time' : 'the connection to the provider failed',
      details,
    )
  }
  const retryAfterMs = retryAfter(error.headers)
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  return new ModelError(kindOf(status), `the provider answered ${status}`, { ...details, ...wait })
}

function kindOf(status: number): ModelErrorKind {
  if (status === 400 || status === 413 || status === 422 || status === 431) return 'rejected'
  if (status === 408 || status === 409 || status === 429 || status < 400 || status >= 500) return 'unavailable'
  return 'misconfigured'
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

/** `retry-after-ms`, else `retry-after` in seconds or as a date. */
function retryAfter(headers: Headers | undefined): number | undefined {
  const exact = headers?.get('retry-after-ms')
  const coarse = headers?.get('retry-after')
  if (exact) return bounded(Number(exact))
  if (!coarse) return undefined
  const seconds = Number(coarse)
  return bounded(Number.isNaN(seconds) ? Date.parse(coarse) - Date.now() : seconds * 1000)
}

function bounded(ms: number): number | undefined {
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(Math.ceil(ms), 0), MAX_RETRY_AFTER_MS)
}
