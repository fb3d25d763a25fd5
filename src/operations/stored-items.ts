import { setTimeout as delay } from 'node:timers/promises'
import type { ItemSink } from '../models/item-sink.ts'
import { countItems, lastItems } from '../storage/statements/items.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import type { Attempt } from './attempt.ts'
import type { ItemCommits } from './item-commits.ts'
import type { ItemStream } from './item-stream.ts'

const retryMs = 250

/** Who is told by {@link StoredItems}. */
export type ItemEvents = {
  /** Items were committed. */
  stored: () => void
  /** The database does not answer; it is asked again. */
  unavailable: () => void
  /** The lease is gone. */
  taken: () => void
}

/** The items of an attempt on their way into the database, under its lease. */
export class StoredItems implements ItemSink {
  readonly #db: Queryable
  readonly #commits: ItemCommits
  readonly #attempt: Attempt
  readonly #stream: ItemStream
  readonly #events: ItemEvents
  #count = 0
  /** Whether `#count` is what the database has. */
  #known: boolean
  #pending: Promise<void> = Promise.resolve()
  #signal: AbortSignal = AbortSignal.abort()

  constructor(db: Queryable, commits: ItemCommits, attempt: Attempt, stream: ItemStream, events: ItemEvents) {
    this.#db = db
    this.#commits = commits
    this.#attempt = attempt
    this.#stream = stream
    this.#events = events
    // What was accepted here just now has none.
    this.#known = attempt.attempt === 1
    if (this.#known) stream.begin(0)
  }

  get count(): number {
    return this.#count
  }

  /** Before a model is asked: finds out what is there. `signal` ends what is put from then on. */
  async begin(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    // One that was left behind when its try ended may still arrive.
    await this.#pending
    if (this.#known) return
    this.#count = (await countItems(this.#db, [this.#attempt])).get(this.#attempt.operationId) ?? 0
    this.#known = true
    this.#stream.begin(this.#count)
  }

  /** Whoever works on the operation next knows more. */
  end(): void {
    this.#stream.begin(undefined)
  }

  async put(items: readonly Uint8Array[]): Promise<void> {
    const signal = this.#signal
    const stored = this.#store(items, signal)
    this.#pending = stored.catch(() => {})
    await stored
    await this.#stream.room(signal)
  }

  last(limit: number): Promise<readonly Uint8Array[]> {
    return lastItems(this.#db, this.#attempt, limit)
  }

  async #store(items: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const { projectId, operationId, attempt, identity } = this.#attempt
    const put = { projectId, operationId, attempt, from: this.#count + 1, items, identity }
    this.#known = false
    for (;;) {
      signal.throwIfAborted()
      try {
        const isStored = await this.#commits.put(put)
        if (!isStored) this.#events.taken()
        if (isStored) break
      } catch (error) {
        if (!isUnavailable(error)) throw error
        this.#events.unavailable()
      }
      await delay(retryMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
    }
    this.#count += items.length
    this.#known = true
    this.#stream.add(items)
    this.#events.stored()
  }
}
