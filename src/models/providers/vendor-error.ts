import { ModelError, type ModelErrorDetails, type ModelErrorKind } from '../provider.ts'

/** No vendor asks for more in earnest, and a nonsensical header must not park an operation. */
const MAX_RETRY_AFTER_MS = 3_600_000

/** An HTTP status of a vendor as a ModelError, with the wait that its headers ask for. */
export function statusError(status: number, headers: Headers | undefined, details: ModelErrorDetails): ModelError {
  const retryAfterMs = retryAfter(headers)
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  return new ModelError(kindOf(status), `the provider answered ${status}`, { ...details, ...wait })
}

/** What keeps a vendor's answer from being had or understood, and has no status. */
export function brokenError(what: 'protocol' | 'timeout' | 'connection', details: ModelErrorDetails): ModelError {
  return new ModelError('unavailable', BROKEN[what], details)
}

const BROKEN = {
  protocol: 'the provider sent what is not its protocol',
  timeout: 'the provider did not answer in time',
  connection: 'the connection to the provider failed',
} as const

function kindOf(status: number): ModelErrorKind {
  if (status === 400 || status === 413 || status === 422 || status === 431) return 'rejected'
  if (status === 408 || status === 409 || status === 429 || status >= 500) return 'unavailable'
  return 'misconfigured'
}

/** `retry-after-ms`, else `retry-after` in seconds or as a date. */
function retryAfter(headers: Headers | undefined): number | undefined {
  const exact = Number(headers?.get('retry-after-ms') || Number.NaN)
  if (!Number.isNaN(exact)) return bounded(exact)
  const coarse = headers?.get('retry-after')
  if (!coarse) return undefined
  const seconds = Number(coarse)
  return bounded(Number.isNaN(seconds) ? Date.parse(coarse) - Date.now() : seconds * 1000)
}

function bounded(ms: number): number | undefined {
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(Math.ceil(ms), 0), MAX_RETRY_AFTER_MS)
}
