import type { OperationFilter, OperationRow, Span, State } from '../../storage/statements/operation-row.ts'

const ended: ReadonlySet<State> = new Set<State>(['SUCCEEDED', 'FAILED', 'CANCELLED'])

/** What matches both; null when nothing can. */
export function combine(one: OperationFilter | null, other: OperationFilter | null): OperationFilter | null {
  if (!one || !other) return null
  for (const field of ['contract', 'method', 'state', 'done'] as const) {
    if (one[field] !== undefined && other[field] !== undefined && one[field] !== other[field]) return null
  }
  const accepted = narrower(one.accepted, other.accepted)
  const settled = narrower(one.settled, other.settled)
  const both = { ...one, ...other, ...(accepted && { accepted }), ...(settled && { settled }) }
  if (isEmpty(accepted) || isEmpty(settled)) return null
  if (both.state !== undefined && both.done !== undefined && ended.has(both.state) !== both.done) return null
  return both
}

function narrower(one: Span | undefined, other: Span | undefined): Span | undefined {
  if (!one || !other) return one ?? other
  const from = Math.max(one.from ?? Number.NEGATIVE_INFINITY, other.from ?? Number.NEGATIVE_INFINITY)
  const before = Math.min(one.before ?? Number.POSITIVE_INFINITY, other.before ?? Number.POSITIVE_INFINITY)
  return { ...(Number.isFinite(from) && { from }), ...(Number.isFinite(before) && { before }) }
}

function isEmpty(span: Span | undefined): boolean {
  return span?.from !== undefined && span.before !== undefined && span.from >= span.before
}

/** Whether an operation matches, as the listing would find it. */
export function matches(filter: OperationFilter, row: OperationRow): boolean {
  const { contract, method, state, done, accepted, settled } = filter
  if (contract !== undefined && contract !== row.contract) return false
  if (method !== undefined && method !== row.method) return false
  if (state !== undefined && state !== row.state) return false
  if (done !== undefined && done !== (row.settledAt !== null)) return false
  return isWithin(accepted, row.acceptedAt) && isWithin(settled, row.settledAt)
}

function isWithin(span: Span | undefined, time: Date | null): boolean {
  if (!span) return true
  if (!time) return false
  const ms = time.getTime()
  return ms >= (span.from ?? Number.NEGATIVE_INFINITY) && ms < (span.before ?? Number.POSITIVE_INFINITY)
}
