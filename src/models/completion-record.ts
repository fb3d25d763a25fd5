import type { Completion } from './completion.ts'
import type { Usage } from './provider.ts'
import type { Model } from './routing/model.ts'

/** A row of the ledger: one request to a model. */
export type CompletionRecord = {
  /** From 1, within the attempt. */
  sequence: number
  /** `provider/name` */
  model: string
  outcome: 'VALID' | 'INVALID' | 'REFUSED' | 'TRUNCATED' | 'FAILED' | 'ABORTED'
  usage: Usage
  /** Some of the tokens are an estimate. */
  usageEstimated: boolean
  /** Undefined when the model's price is not known. */
  costMicroUsd: bigint | undefined
  latencyMs: number
  /** Empty when the provider gave none. */
  providerRequestId: string
  startTimeMs: number
}

/** What is recorded of a completion, with its cost by the price of that day. */
export function recordOf(
  sequence: number,
  model: Model,
  outcome: CompletionRecord['outcome'],
  { usage, usageEstimated, latencyMs, providerRequestId, startTimeMs }: Completion,
): CompletionRecord {
  const costMicroUsd = model.costMicroUsd(usage, startTimeMs)
  const known = { usage, usageEstimated, costMicroUsd, latencyMs, providerRequestId, startTimeMs }
  return { sequence, model: model.name, outcome, ...known }
}
