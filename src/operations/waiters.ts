import type { Logger } from 'pino'
import { results, type StoredResult } from '../storage/statements/results.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import { operationNotFound, storageUnavailable } from './outcome.ts'

/** Names a stored operation; `day` is the partition. */
export type OperationRef = { projectId: string; operationId: string; day: string }

type Waiter = { resolve: (result: StoredResult) => void; reject: (error: unknown) => void }
type Awaited = { ref: OperationRef; waiters: Set<Waiter> }

/** Where notifications arrive, a poll finds only what they missed. */
const pollMs = { listening: 500, deaf: 100 }
const maxPolled = 5_000

/**
 * Everyone in this process who waits for a result. What this replica works on is told at once; what others work on is
 * found by one poll for all, however many wait.
 */
export class Waiters {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #awaited = new Map<string, Awaited>()
  /** Whether this replica works on the operation now, so that no poll is needed. */
  readonly #runsHere: (operationId: string) => boolean
  readonly #listening: () => boolean
  #timer: NodeJS.Timeout | undefined
  /** Asked for in this turn of the event loop: their results may be there already. */
  #fresh: OperationRef[] = []
  #stopped = false

  constructor(db: Queryable, log: Logger, runsHere: (operationId: string) => boolean, listening: () => boolean) {
    this.#db = db
    this.#log = log
    this.#runsHere = runsHere
    this.#listening = listening
  }

  /**
   * Resolves with the stored result, in this process or another. Rejects when the signal fires or {@link fail} is called, and
   * with OPERATION_NOT_FOUND when it was deleted.
   */
  wait(ref: OperationRef, signal: AbortSignal): Promise<StoredResult> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const { waiters } = this.#entry(ref)
      const leave = () => {
        signal.removeEventListener('abort', aborted)
        waiters.delete(waiter)
        if (waiters.size === 0) this.#awaited.delete(ref.operationId)
      }
      const aborted = () => {
        leave()
        reject(signal.reason)
      }
      const waiter: Waiter = {
        resolve: (result) => {
          leave()
          resolve(result)
        },
        reject: (error) => {
          leave()
          reject(error)
        },
      }
      waiters.add(waiter)
      signal.addEventListener('abort', aborted, { once: true })
      this.#look(ref)
      this.#schedule()
    })
  }

  /** Of these operations something is known to have changed. */
  look(operationIds: readonly string[]): void {
    for (const id of operationIds) {
      const awaited = this.#awaited.get(id)
      if (awaited) this.#look(awaited.ref)
    }
  }

  /** A replay should not wait for the next poll. */
  #look(ref: OperationRef): void {
    if (this.#runsHere(ref.operationId)) return
    if (this.#fresh.push(ref) > 1) return
    setImmediate(() => {
      void this.#askAll(this.#fresh.splice(0))
    })
  }

  #entry(ref: OperationRef): Awaited {
    const known = this.#awaited.get(ref.operationId)
    if (known) return known
    const entry: Awaited = { ref, waiters: new Set() }
    this.#awaited.set(ref.operationId, entry)
    return entry
  }

  /** A result was stored. */
  notify(result: StoredResult): void {
    for (const waiter of [...(this.#awaited.get(result.operationId)?.waiters ?? [])]) waiter.resolve(result)
  }

  /** Whoever waits here is told that the result is not to be had now. */
  fail(operationId: string, error: unknown): void {
    for (const waiter of [...(this.#awaited.get(operationId)?.waiters ?? [])]) waiter.reject(error)
  }

  stop(error: unknown): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    for (const operationId of [...this.#awaited.keys()]) this.fail(operationId, error)
  }

  #schedule(): void {
    if (this.#timer || this.#stopped || this.#awaited.size === 0) return
    this.#timer = setTimeout(
      () => {
        void this.#poll().finally(() => {
          this.#timer = undefined
          this.#schedule()
        })
      },
      this.#listening() ? pollMs.listening : pollMs.deaf,
    )
  }

  async #poll(): Promise<void> {
    await this.#askAll(
      [...this.#awaited.values()].map((entry) => entry.ref).filter((ref) => !this.#runsHere(ref.operationId)),
    )
  }

  async #askAll(refs: readonly OperationRef[]): Promise<void> {
    for (let from = 0; from < refs.length; from += maxPolled) await this.#ask(refs.slice(from, from + maxPolled))
  }

  async #ask(refs: readonly OperationRef[]): Promise<void> {
    try {
      for (const result of await results(this.#db, refs)) {
        if (result.code === null) this.fail(result.operationId, operationNotFound(result.operationId))
        else this.notify(result)
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'poll for results failed')
      // What they asked goes on; that its end cannot be had now, they are told.
      if (isUnavailable(error)) for (const ref of refs) this.fail(ref.operationId, storageUnavailable())
    }
  }
}
