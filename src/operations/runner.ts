import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { DeedError } from '../errors/deed-error.ts'
import { encodeStatus } from '../errors/status.ts'
import { type Answer, type AnswerOptions, answer } from '../models/answer.ts'
import type { CompletionRecord } from '../models/completion-record.ts'
import { giveBack } from '../storage/statements/give-back.ts'
import { retry } from '../storage/statements/retry.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import { AnswerCache } from './answer-cache.ts'
import { type Attempt, ledgerRows, type StopReason } from './attempt.ts'
import { backoffMs } from './backoff.ts'
import type { Commits, Settlement } from './commits.ts'
import { Ledger } from './ledger.ts'
import { cancelled, internal, replicaLost, shuttingDown, storageUnavailable, timedOut } from './outcome.ts'
import type { Identity } from './replica.ts'
import type { StoredItems } from './stored-items.ts'
import type { Streams } from './streams.ts'
import type { Waiters } from './waiters.ts'

const settleRetryMs = 250

type Running = {
  attempt: Attempt
  controller: AbortController
  stopped: StopReason | undefined
  /** Those of all tries under this lease. */
  completions: CompletionRecord[]
}

/**
 * Works on leased operations: answer, then settle, retry or give back. Everything here is stopped by name, through one
 * AbortController per attempt, and what is stored is fenced by the lease.
 */
export class Runner {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #options: AnswerOptions
  readonly #running = new Map<string, Running>()
  readonly #commits: Commits
  readonly #ledger: Ledger
  readonly #cache: AnswerCache
  waiters: Waiters | undefined
  streams: Streams | undefined
  /** Called with each operation that this replica gave its result. */
  onSettled: (attempt: Attempt) => void = () => {}

  constructor(db: Queryable, log: Logger, options: AnswerOptions, commits: Commits) {
    this.#db = db
    this.#log = log
    this.#options = options
    this.#commits = commits
    this.#ledger = new Ledger(db, log)
    this.#cache = new AnswerCache(db, log)
  }

  /** Attempts that run, or have completions that are still to be stored. */
  get size(): number {
    return this.#running.size + this.#ledger.size
  }

  /** Nothing runs any more; what could not be stored so far is given up. */
  close(): void {
    this.#ledger.stop()
  }

  has(operationId: string): boolean {
    return this.#running.has(operationId)
  }

  /** Stops an attempt; what follows from that depends on the reason. */
  stop(operationId: string, reason: StopReason): void {
    const running = this.#running.get(operationId)
    if (!running || running.stopped) return
    running.stopped = reason
    running.controller.abort(new Error(`attempt stopped: ${reason}`))
  }

  /** Stops every attempt, or those under one identity. */
  stopAll(reason: StopReason, identity?: Identity): void {
    for (const { attempt } of [...this.#running.values()]) {
      if (!identity || attempt.identity === identity) this.stop(attempt.operationId, reason)
    }
  }

  /** The attempts that run under an identity. */
  under(identity: Identity): Attempt[] {
    return [...this.#running.values()].map(({ attempt }) => attempt).filter((attempt) => attempt.identity === identity)
  }

  /** Works on one attempt to its end. Never rejects. */
  async run(attempt: Attempt): Promise<void> {
    const running: Running = { attempt, controller: new AbortController(), stopped: undefined, completions: [] }
    this.#running.set(attempt.operationId, running)
    try {
      await this.#work(running)
    } catch (error) {
      const id = randomUUID()
      this.#log.error({ err: error, id, operation: attempt.operationId }, 'attempt failed unexpectedly')
      await this.#settle(attempt, internal(id), '', running.completions).catch(() => {})
    } finally {
      // A retry whose reply was lost may be claimed here again before it knows.
      if (this.#running.get(attempt.operationId) === running) this.#running.delete(attempt.operationId)
      if (running.stopped === 'taken') this.waiters?.look([attempt.operationId])
    }
  }

  async #work(running: Running): Promise<void> {
    const { attempt, completions } = running
    const { operationId } = attempt
    using items =
      attempt.method.shape === 'server_streaming'
        ? this.streams?.write(attempt, {
            unavailable: () => this.waiters?.fail(operationId, storageUnavailable()),
            taken: () => this.stop(operationId, 'taken'),
          })
        : undefined
    const cached = await this.#cache.find(attempt)
    if (cached) return this.#settle(attempt, cached.response, cached.model, [], cached.operationId)
    for (let failures = attempt.failures; ; ) {
      // It may have waited in the queue for longer than it had.
      if (performance.now() >= attempt.expiresAt) return this.#settle(attempt, timedOut(), '', completions)
      const result = await this.#answer(running, items)
      completions.push(...result.completions)
      const model = completions.at(-1)?.model ?? ''
      if (result.kind === 'response') return this.#settle(attempt, result.bytes, model, completions)
      if (result.kind === 'failure' && !result.retryable) return this.#settle(attempt, result.error, model, completions)
      if (result.kind === 'aborted' && running.stopped !== 'attempt timeout')
        return this.#stopped(running, model, completions)

      failures++
      const error = result.kind === 'failure' ? result.error : timedOut()
      const waitMs = backoffMs(failures, result.kind === 'failure' ? result.retryAfterMs : 0)
      const late = performance.now() + waitMs >= attempt.expiresAt
      if (failures >= attempt.maxFailures || late) return this.#settle(attempt, error, model, completions)
      if (attempt.detached) return this.#retry(attempt, waitMs, completions)
      // Without a key nobody else may collect the answer: it is tried again here, under the same lease.
      if (running.stopped && running.stopped !== 'attempt timeout') return this.#stopped(running, model, completions)
      running.stopped = undefined
      running.controller = new AbortController()
      await this.#pause(running, waitMs)
      if (running.stopped) return this.#stopped(running, model, completions)
    }
  }

  async #answer(running: Running, items: StoredItems | undefined): Promise<Answer> {
    const { attempt, controller } = running
    const { signal } = controller
    const leftMs = attempt.expiresAt - performance.now()
    const limitMs = Math.min(leftMs, attempt.method.policy.attemptTimeoutMs)
    const reason = limitMs === leftMs ? 'timeout' : 'attempt timeout'
    const timer = setTimeout(() => this.stop(attempt.operationId, reason), Math.max(0, limitMs))
    try {
      if (items) await this.#persist(attempt, () => items.begin())
      return await answer(attempt.method, attempt.message, this.#options, attempt.context, signal, items)
    } finally {
      clearTimeout(timer)
    }
  }

  async #pause(running: Running, ms: number): Promise<void> {
    await delay(ms, undefined, { signal: running.controller.signal }).catch(() => {})
  }

  /** What becomes of an attempt that was stopped from outside. */
  async #stopped(running: Running, model: string, completions: CompletionRecord[]): Promise<void> {
    const { attempt, stopped } = running
    if (stopped === 'cancelled') return this.#settle(attempt, cancelled(), model, completions)
    if (stopped === 'timeout') return this.#settle(attempt, timedOut(), model, completions)
    // Whoever took it makes its end known.
    if (stopped !== 'taken') {
      // What has a key goes on under it; the rest is over.
      const gone = attempt.detached ? shuttingDown() : replicaLost()
      this.waiters?.fail(attempt.operationId, stopped === 'lost' ? storageUnavailable() : gone)
    }
    void this.#ledger.append(ledgerRows(attempt, completions))
    if (stopped !== 'drained') return
    const lost = replicaLost()
    try {
      await giveBack(this.#db, [attempt], attempt.identity.id, { code: lost.code, status: encodeStatus(lost) })
    } catch (error) {
      this.#log.warn(
        { err: error, operation: attempt.operationId },
        'an attempt that was drained left its lease to the reaper',
      )
    }
  }

  async #retry(attempt: Attempt, waitMs: number, completions: CompletionRecord[]): Promise<void> {
    const rows = ledgerRows(attempt, completions)
    const moved = await this.#persist(attempt, () => retry(this.#db, attempt, attempt.identity.id, waitMs, rows))
    if (moved === undefined) void this.#ledger.append(rows)
  }

  /** Stores the result and tells who waits. A lease that is lost stores nothing: then whoever has it now will settle. */
  async #settle(
    attempt: Attempt,
    end: Uint8Array | DeedError,
    model: string,
    completions: CompletionRecord[],
    cachedFrom?: string,
  ): Promise<void> {
    const failed = !(end instanceof Uint8Array)
    const code = failed ? end.code : 0
    const response = failed ? encodeStatus(end) : end
    const { projectId, operationId } = attempt
    const input: Settlement = {
      projectId,
      operationId,
      attempt: attempt.attempt,
      code,
      response,
      model,
      cachedFrom,
      ledger: ledgerRows(attempt, completions),
      identity: attempt.identity,
    }
    const stored = await this.#persist(attempt, () => this.#commits.settle(input))
    if (stored === undefined) void this.#ledger.append(input.ledger)
    if (!stored) {
      this.#log.warn({ operation: operationId, attempt: attempt.attempt }, 'a result came too late: the lease was lost')
      return
    }
    const bytes = Buffer.from(response.buffer, response.byteOffset, response.byteLength)
    const { version } = attempt.method
    this.waiters?.notify({ operationId, code, response: bytes, model, cachedFrom: cachedFrom ?? null, version })
    this.onSettled(attempt)
    if (!failed && cachedFrom === undefined) void this.#cache.keep(attempt)
  }

  /**
   * Tries until the database took it or the lease is lost. Callers are told on the first failure that the answer cannot be
   * had now; what they asked goes on.
   */
  async #persist<T>(attempt: Attempt, store: () => Promise<T>): Promise<T | undefined> {
    while (!attempt.identity.lost.aborted) {
      try {
        return await store()
      } catch (error) {
        if (!isUnavailable(error)) throw error
        this.waiters?.fail(attempt.operationId, storageUnavailable())
        await delay(settleRetryMs * (0.5 + Math.random()), undefined, { signal: attempt.identity.lost }).catch(() => {})
      }
    }
    return undefined
  }
}
