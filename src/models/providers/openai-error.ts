import { APIConnectionTimeoutError, APIError } from 'openai'
import { ModelError, type Usage } from '../provider.ts'
import { brokenError, statusError } from './vendor-error.ts'

/** Whatever the SDK throws, as a ModelError that tells the status and nothing of what the vendor wrote. */
export function toModelError(error: unknown, known: { usage: Usage; requestId: string }): ModelError {
  if (error instanceof ModelError) return error
  const requestId = (error instanceof APIError ? error.requestID : undefined) ?? known.requestId
  const details = { usage: known.usage, providerRequestId: requestId, cause: error }
  if (!(error instanceof APIError)) return brokenError('protocol', details)
  // An account without money is answered 429; waiting does not help it.
  if (error.code === 'insufficient_quota') {
    return new ModelError('misconfigured', 'the quota of the account is used up', details)
  }
  const status: number | undefined = error.status ?? statusOf(error)
  if (status !== undefined) return statusError(status, error.headers, details)
  return brokenError(error instanceof APIConnectionTimeoutError ? 'timeout' : 'connection', details)
}

/** An error in the middle of a stream has a type where others have a status, or the status itself as its code. */
function statusOf({ type, code }: APIError): number | undefined {
  const status = Number(code)
  if (status >= 400 && status < 600) return status
  return STATUSES.get(type ?? '') ?? STATUSES.get(code ?? '')
}

const STATUSES = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['rate_limit_error', 429],
  ['rate_limit_exceeded', 429],
  ['server_error', 500],
  ['internal_error', 500],
  ['overloaded_error', 503],
])
