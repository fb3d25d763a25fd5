import { boolArray, dateArray, float8Array, int4Array, int8Array, textArray, uuidArray } from './arrays.ts'

/** One request to a model, to be added to the ledger. */
export type LedgerRow = {
  projectId: string
  operationId: string
  day: string
  attempt: number
  sequence: number
  model: string
  outcome: 'VALID' | 'INVALID' | 'REFUSED' | 'TRUNCATED' | 'FAILED' | 'ABORTED'
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheWriteTokens: number
  costMicroUsd: bigint | undefined
  latencyMs: number
  providerRequestId: string
  startedAtMs: number
  /** Some of the tokens are an estimate, since the provider did not come to tell them. */
  usageEstimated: boolean
}

/** The parameters that {@link ledgerArrays} fills, as a function's signature declares them. */
export const ledgerParameters = `lp uuid[], lo uuid[], ld date[], la int[], ls int[], lm text[], lout text[],
  lin int[], lot int[], lcr int[], lcw int[], lcost bigint[], llat float8[], lreq text[], lstart float8[], lest boolean[]`

/** Appends to the ledger. A settle that is sent again finds its rows there. */
export const insertLedger = `
  insert into completion (project_id, operation_id, day, attempt, sequence, model, outcome, input_tokens, output_tokens,
      cache_read_tokens, cache_write_tokens, cost_micro_usd, latency_ms, provider_request_id, started_at, usage_estimated)
    select u.p, u.o, u.d, u.a, u.s, u.m, u.outcome, u.ti, u.tt, u.cr, u.cw, u.cost, u.lat, u.req, to_timestamp(u.start / 1000), u.est
    from unnest(lp, lo, ld, la, ls, lm, lout, lin, lot, lcr, lcw, lcost, llat, lreq, lstart, lest)
      as u(p, o, d, a, s, m, outcome, ti, tt, cr, cw, cost, lat, req, start, est)
    on conflict do nothing`

/** Number of parameters in {@link ledgerParameters}. */
export const ledgerWidth = 16

export function ledgerArrays(rows: readonly LedgerRow[]): unknown[] {
  return [
    uuidArray(rows.map((r) => r.projectId)),
    uuidArray(rows.map((r) => r.operationId)),
    dateArray(rows.map((r) => r.day)),
    int4Array(rows.map((r) => r.attempt)),
    int4Array(rows.map((r) => r.sequence)),
    textArray(rows.map((r) => r.model)),
    textArray(rows.map((r) => r.outcome)),
    int4Array(rows.map((r) => r.inputTokens)),
    int4Array(rows.map((r) => r.outputTokens)),
    int4Array(rows.map((r) => r.cacheReadTokens)),
    int4Array(rows.map((r) => r.cacheWriteTokens)),
    int8Array(rows.map((r) => r.costMicroUsd ?? null)),
    float8Array(rows.map((r) => r.latencyMs)),
    textArray(rows.map((r) => r.providerRequestId)),
    float8Array(rows.map((r) => r.startedAtMs)),
    boolArray(rows.map((r) => r.usageEstimated)),
  ]
}
