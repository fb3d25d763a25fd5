import { setTimeout as delay } from 'node:timers/promises'
import type { Queryable } from '../storage/statements/statement.ts'

/** Together below the 2 s within which probes must see that PostgreSQL is gone. */
const probeMs = 400
const probeTimeoutMs = 1_000

/** Asks PostgreSQL again and again whether it answers, and says whether this replica can serve. */
export class Readiness {
  readonly #db: Queryable
  readonly #alive: () => boolean
  readonly #report: (ready: boolean) => void
  readonly #stop = new AbortController()
  #watching: Promise<void> | undefined

  constructor(db: Queryable, alive: () => boolean, report: (ready: boolean) => void) {
    this.#db = db
    this.#alive = alive
    this.#report = report
  }

  /** Resolves after the first answer. */
  async start(): Promise<void> {
    await this.#probe()
    this.#watching = this.#watch()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop
    for (;;) {
      await delay(probeMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      await this.#probe()
    }
  }

  async #probe(): Promise<void> {
    const answered = this.#db.query({ text: 'select 1', query_timeout: probeTimeoutMs }).then(
      () => true,
      () => false,
    )
    // The pool may itself wait for a connection for longer.
    const late = delay(probeTimeoutMs, false, { ref: false })
    this.#report((await Promise.race([answered, late])) && this.#alive())
  }
}
