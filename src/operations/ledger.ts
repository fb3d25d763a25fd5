import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { appendLedger } from '../storage/statements/append-ledger.ts'
import type { LedgerRow } from '../storage/statements/ledger.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { isUnavailable } from '../storage/unavailable.ts'

const firstRetryMs = 250
const maxRetryMs = 5_000
/** A database that is away for longer is not waited for: what is to be stored would pile up. */
const patienceMs = 10 * 60_000

/**
 * Stores the completions of attempts that store nothing else any more: given back, taken away, or under a lease that was lost with
 * the database. They were paid for, so it tries again while that is away.
 */
export class Ledger {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #stopped = new AbortController()
  #size = 0

  constructor(db: Queryable, log: Logger) {
    this.#db = db
    this.#log = log
  }

  /** Attempts whose completions are still to be stored. */
  get size(): number {
    return this.#size
  }

  /** Begins to store the rows. Never rejects; resolves when they are stored, or given up. */
  async append(rows: readonly LedgerRow[]): Promise<void> {
    if (rows.length === 0) return
    this.#size++
    try {
      await this.#append(rows)
    } catch (error) {
      const [row] = rows
      this.#log.error(
        { err: error, operation: row?.operationId, rows: rows.length },
        'completions are not in the ledger',
      )
    } finally {
      this.#size--
    }
  }

  async #append(rows: readonly LedgerRow[]): Promise<void> {
    const until = performance.now() + patienceMs
    for (let waitMs = firstRetryMs; ; waitMs = Math.min(2 * waitMs, maxRetryMs)) {
      try {
        return await appendLedger(this.#db, rows)
      } catch (error) {
        if (!isUnavailable(error) || this.#stopped.signal.aborted || performance.now() > until) throw error
      }
      await delay(waitMs * (0.5 + Math.random()), undefined, { signal: this.#stopped.signal }).catch(() => {})
    }
  }

  /** Each gets one more try, and no more. */
  stop(): void {
    this.#stopped.abort()
  }
}
