import type { Message } from '@bufbuild/protobuf'
import type { Context } from '@opentelemetry/api'
import type { Method } from '../contracts/method.ts'
import type { CompletionRecord } from '../models/completion-record.ts'
import type { LedgerRow } from '../storage/statements/ledger.ts'
import type { Identity } from './replica.ts'

/** Why an attempt was stopped from outside. `taken`: its lease is gone, since the operation was cancelled or is with another. */
export type StopReason = 'cancelled' | 'attempt timeout' | 'timeout' | 'lost' | 'drained' | 'taken'

/** One try at an operation, under a lease of this replica that fences its result. */
export type Attempt = {
  readonly projectId: string
  readonly operationId: string
  readonly day: string
  /** The number that fences. */
  readonly attempt: number
  /** Attempts that failed before this one. */
  readonly failures: number
  readonly maxFailures: number
  /** Goes on without a caller: it has a key, or was submitted. */
  readonly detached: boolean
  /** The replica on which the caller of a call without a key waits, when it came out of the queue. */
  readonly origin: string | undefined
  /** When the operation's own timeout ends it, on this process's monotonic clock. */
  readonly expiresAt: number
  readonly method: Method
  readonly message: Message
  readonly context: Context
  readonly identity: Identity
}

/** The attempt's completions as rows of the ledger. `from`: completions that the same lease has already recorded. */
export function ledgerRows(attempt: Attempt, completions: readonly CompletionRecord[], from = 0): LedgerRow[] {
  return completions.map((completion, index) => ({
    projectId: attempt.projectId,
    operationId: attempt.operationId,
    day: attempt.day,
    attempt: attempt.attempt,
    sequence: from + index + 1,
    model: completion.model,
    outcome: completion.outcome,
    ...completion.usage,
    costMicroUsd: completion.costMicroUsd,
    latencyMs: completion.latencyMs,
    providerRequestId: completion.providerRequestId,
    startedAtMs: completion.startTimeMs,
    usageEstimated: completion.usageEstimated,
  }))
}
