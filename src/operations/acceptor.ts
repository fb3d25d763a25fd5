import { setTimeout as delay } from 'node:timers/promises'
import { type Context, isSpanContextValid, TraceFlags, trace } from '@opentelemetry/api'
import { encodeStatus } from '../errors/status.ts'
import type { AcceptInput } from '../storage/statements/accept.ts'
import { giveBack } from '../storage/statements/give-back.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import type { Accepted, Commits, Offer } from './commits.ts'
import { replicaLost } from './outcome.ts'
import type { Identity } from './replica.ts'

/** Milliseconds before the same ids are sent again when PostgreSQL did not answer. */
const retryDelaysMs = [50, 250]
/** A try that took longer hung: the caller is told rather than left to wait for another. */
const hungMs = 1_000
/** How long an id whose COMMIT may or may not have happened is looked after. Longer than a statement may run on the server. */
const doubtMs = 60_000

/**
 * Commits calls, each leased to this replica. What could not be confirmed is refused as UNAVAILABLE and given back later,
 * in case that its COMMIT did happen.
 */
export class Acceptor {
  readonly #db: Queryable
  readonly #commits: Commits
  /** Operation ids in doubt, with their projects, whom they would be leased to and the time at which they are forgotten. */
  readonly #doubtful = new Map<string, { projectId: string; identity: Identity; until: number }>()

  constructor(db: Queryable, commits: Commits) {
    this.#db = db
    this.#commits = commits
  }

  /** Resolves after COMMIT. Rejects with UNAVAILABLE when PostgreSQL cannot be reached or this replica has no life in it. */
  async accept(input: AcceptInput, signal: AbortSignal): Promise<Accepted> {
    const offer: Offer = { ...input, identity: undefined }
    for (let attempt = 0; ; attempt++) {
      const sentAt = performance.now()
      try {
        return await this.#commits.accept(offer)
      } catch (error) {
        if (!isUnavailable(error)) throw error
        const delayMs = retryDelaysMs[attempt]
        const hung = performance.now() - sentAt > hungMs
        if (delayMs === undefined || hung || signal.aborted) {
          const { identity } = offer
          const until = performance.now() + doubtMs
          if (identity) this.#doubtful.set(input.id, { projectId: input.projectId, identity, until })
          throw error
        }
        await delay(delayMs * (0.5 + Math.random()))
      }
    }
  }

  /** After a heartbeat: the ids in doubt are given back if they were committed after all, also under an earlier identity. */
  async resolveDoubts(): Promise<void> {
    const lost = replicaLost()
    const end = { code: lost.code, status: encodeStatus(lost) }
    for (const [{ id: replicaId }, doubts] of Map.groupBy(this.#doubtful, ([, { identity }]) => identity)) {
      // Only as they were accepted: what has been claimed since is known to be there, and somebody's.
      const leases = doubts.map(([operationId, { projectId }]) => ({ projectId, operationId, attempt: 1 }))
      await giveBack(this.#db, leases, replicaId, end)
    }
    for (const [id, { until }] of this.#doubtful) if (until < performance.now()) this.#doubtful.delete(id)
  }
}

/** The W3C traceparent of the context, so that an attempt on another replica goes on in the same trace. */
export function traceparentOf(context: Context): string | undefined {
  const span = trace.getSpanContext(context)
  if (!span || !isSpanContextValid(span)) return undefined
  return `00-${span.traceId}-${span.spanId}-${(span.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0')}`
}
