export type State = 'READY' | 'WAITING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED'

/** An operation as it stands. `code`, `response`, `model` and `settledAt` are null until it has a result. */
export type OperationRow = {
  id: string
  day: string
  contract: string
  version: number
  method: string
  key: string | null
  /** Empty unless all of it was asked for. */
  request: Buffer
  retryOf: string | null
  acceptedAt: Date
  state: State
  attempts: number
  code: number | null
  /** Empty when it was not asked for. */
  response: Buffer | null
  model: string | null
  /** The operation whose answer its result is, when that came from the cache. */
  cachedFrom: string | null
  settledAt: Date | null
}

/** How much of the payloads is read: request and response, the response, or the response if it is an error. */
export type Payload = 'all' | 'result' | 'error'

/** Milliseconds since 1970: from the first, before the second. */
export type Span = { from?: number; before?: number }

/** What is set must match. Times are compared as they are shown, in whole milliseconds. */
export type OperationFilter = {
  contract?: string
  method?: string
  state?: State
  /** Whether it has a result. */
  done?: boolean
  accepted?: Span
  settled?: Span
}

/** `after`: the last operation of the page before. */
export type Listing = {
  filter: OperationFilter
  order: 'asc' | 'desc'
  after: string | undefined
  limit: number
  payload: Payload
}
