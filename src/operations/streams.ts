import type { Logger } from 'pino'
import { countItems, readItems } from '../storage/statements/items.ts'
import type { StoredResult } from '../storage/statements/results.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import type { Attempt } from './attempt.ts'
import type { Reader } from './call.ts'
import { ItemCommits } from './item-commits.ts'
import { Follower, ItemStream } from './item-stream.ts'
import { StoredItems } from './stored-items.ts'
import type { OperationRef, Waiters } from './waiters.ts'

/** Where notifications arrive, a poll finds only what they missed. */
const pollMs = { listening: 500, deaf: 100 }
const maxRead = 256

export type StreamsParts = {
  db: Queryable
  log: Logger
  waiters: Waiters
  /** Whether notifications arrive. */
  listening: () => boolean
  /** An attempt of this replica stored items. */
  onStored: (attempt: Attempt) => void
}

type End = { result: StoredResult } | { error: unknown }

/**
 * The streams that this replica writes or sends. Who is sent a stream reads what is stored, from the first item on, and then what is
 * added: from memory while this replica works on it and the reader keeps up, else from the database. So a replay, a call that
 * joins and the first call are the same.
 */
export class Streams {
  readonly #parts: StreamsParts
  readonly #commits: ItemCommits
  readonly #streams = new Map<string, { ref: OperationRef; stream: ItemStream; users: number }>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: StreamsParts) {
    this.#parts = parts
    this.#commits = new ItemCommits(parts.db)
  }

  /** Where an attempt of this replica puts its items. `taken` is called when its lease is gone. */
  write(attempt: Attempt, events: { unavailable: () => void; taken: () => void }): StoredItems & Disposable {
    const { stream, leave } = this.#use(attempt)
    const stored = () => this.#parts.onStored(attempt)
    const items = new StoredItems(this.#parts.db, this.#commits, attempt, stream, { ...events, stored })
    return Object.assign(items, {
      [Symbol.dispose]() {
        items.end()
        leave()
      },
    })
  }

  /**
   * Sends the items of an operation, all of them in order, and resolves with its result. `send` makes it wait for a slow reader. Rejects
   * as {@link Waiters.wait} does, though the reader be slow, and with what `send` throws.
   */
  async follow(ref: OperationRef, signal: AbortSignal, send: Reader['send']): Promise<StoredResult> {
    const { db, waiters } = this.#parts
    const { stream, leave } = this.#use(ref)
    const follower = new Follower()
    stream.followers.add(follower)
    const outcome: { end?: End } = {}
    const ended = (end: End) => {
      outcome.end = end
      follower.ring()
    }
    const leaving = new AbortController()
    const until = AbortSignal.any([signal, leaving.signal])
    waiters.wait(ref, until).then(
      (result) => ended({ result }),
      (error: unknown) => {
        ended({ error })
        leaving.abort(error)
      },
    )
    this.#schedule()
    try {
      for (;;) {
        // Before the look, which then sees all that was stored by the end.
        const { end } = outcome
        if (end && 'error' in end) throw end.error
        const items = stream.after(follower.sent) ?? (await readItems(db, ref, follower.sent, maxRead))
        for (const item of items) {
          await send(item, until)
          follower.sent++
          stream.moved()
        }
        if (items.length > 0) continue
        if (end) return end.result
        await follower.news()
      }
    } finally {
      leaving.abort()
      stream.followers.delete(follower)
      stream.moved()
      leave()
    }
  }

  /** Of these operations another replica has stored items. */
  look(operationIds: readonly string[]): void {
    for (const id of operationIds) this.#streams.get(id)?.stream.ring()
  }

  #use(ref: OperationRef): { stream: ItemStream; leave: () => void } {
    const { projectId, operationId, day } = ref
    const known = this.#streams.get(operationId)
    const entry = known ?? { ref: { projectId, operationId, day }, stream: new ItemStream(), users: 0 }
    this.#streams.set(operationId, entry)
    entry.users++
    return {
      stream: entry.stream,
      leave: () => {
        if (--entry.users === 0) this.#streams.delete(operationId)
      },
    }
  }

  #schedule(): void {
    if (this.#timer) return
    const followed = [...this.#streams.values()].filter(({ stream }) => stream.followers.size > 0)
    if (followed.length === 0) return
    this.#timer = setTimeout(
      () => {
        void this.#poll().finally(() => {
          this.#timer = undefined
          this.#schedule()
        })
      },
      this.#parts.listening() ? pollMs.listening : pollMs.deaf,
    )
  }

  /** One look for all that are followed here and written elsewhere. */
  async #poll(): Promise<void> {
    const elsewhere = [...this.#streams.values()].filter(({ stream }) => stream.followers.size > 0 && !stream.isWritten)
    if (elsewhere.length === 0) return
    try {
      const counts = await countItems(
        this.#parts.db,
        elsewhere.map(({ ref }) => ref),
      )
      for (const { ref, stream } of elsewhere) {
        const count = counts.get(ref.operationId) ?? 0
        for (const follower of stream.followers) if (follower.sent < count) follower.ring()
      }
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'poll for items failed')
    }
  }
}
