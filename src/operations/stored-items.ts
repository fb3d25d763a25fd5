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

  /** Before a model is asked: finds out what is there. */
  async begin(): Promise<void> {
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

  async put(items: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const stored = this.#store(items, signal)
    this.#pending = stored.catch(() => {})
    await stored
    await this.#stream.room(this.#attempt.detached, signal)
  }

  async last(limit: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const items = this.#answered(() => lastItems(this.#db, this.#attempt, limit), signal)
    return await items.catch((error: unknown) => {
      if (signal.aborted) return []
      throw error
    })
  }

  async #store(items: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const { projectId, operationId, attempt, identity } = this.#attempt
    const put = { projectId, operationId, attempt, from: this.#count + 1, items, identity }
    this.#known = false
    const isStored = await this.#answered(() => this.#commits.put(put), signal)
    if (!isStored) {
      // Of a try that is over, it is not told: the operation may be worked on here again.
      signal.throwIfAborted()
      this.#events.taken()
      signal.throwIfAborted()
      throw new Error('the lease is gone, and the attempt goes on')
    }
    this.#count += items.length
    this.#known = true
    this.#stream.add(items)
    this.#events.stored()
  }

  /** Asks until the database answers. Rejects with the signal's reason when that fires before. */
  async #answered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      signal.throwIfAborted()
      try {
        return await ask()
      } catch (error) {
        if (!isUnavailable(error)) throw error
        this.#events.unavailable()
      }
      await delay(retryMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
    }
  }
}
