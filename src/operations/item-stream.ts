/** How far a model may be ahead of the reader that is furthest, in items. */
const maxAhead = 16
/** How long work that goes on without a reader waits for readers of which none takes anything. */
const patienceMs = 2_000
/** What is kept for readers that follow closely: the rest they read from the database. */
const kept = { items: 2 * maxAhead, bytes: 1024 * 1024 }

/** Somebody who is sent the items. */
export class Follower {
  /** Items that were sent. */
  sent = 0
  #rung = false
  #wake = () => {}

  /** There may be news. */
  ring(): void {
    this.#rung = true
    this.#wake()
  }

  /** Resolves when it was rung since the last time that this was asked. */
  async news(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#rung = false
  }
}

/** The items of one operation, as far as this process knows of them, and who follows them here. */
export class ItemStream {
  readonly followers = new Set<Follower>()
  /** Items that are stored, while this replica works on the operation: then nobody else adds to them. */
  #stored: number | undefined
  /** The last of those that are stored. */
  #last: Uint8Array[] = []
  #bytes = 0
  #moved = () => {}
  /** No follower has moved for as long as it may take. */
  #stalled = false

  get isWritten(): boolean {
    return this.#stored !== undefined
  }

  /** From now on this replica knows how many are stored; undefined when it does not know any more. */
  begin(stored: number | undefined): void {
    this.#stored = stored
    this.#last = []
    this.#bytes = 0
    this.ring()
  }

  /** These were committed. */
  add(items: readonly Uint8Array[]): void {
    if (this.#stored === undefined) return
    this.#stored += items.length
    if (this.followers.size === 0) {
      this.#last = []
      this.#bytes = 0
      return
    }
    for (const item of items) {
      this.#last.push(item)
      this.#bytes += item.byteLength
    }
    while (this.#last.length > kept.items || this.#bytes > kept.bytes)
      this.#bytes -= this.#last.shift()?.byteLength ?? 0
    this.ring()
  }

  /** The items after the first `sent`; undefined when the database has to be asked. */
  after(sent: number): readonly Uint8Array[] | undefined {
    if (this.#stored === undefined) return undefined
    if (sent >= this.#stored) return []
    const first = this.#stored - this.#last.length
    return sent >= first ? this.#last.slice(sent - first) : undefined
  }

  ring(): void {
    for (const follower of this.followers) follower.ring()
  }

  /** A follower was sent something, or left. */
  moved(): void {
    this.#stalled = false
    this.#moved()
  }

  /**
   * Resolves when a follower is close enough, or none is left. Rejects with the signal's reason. What is `detached` may be followed at
   * another replica, by who gave up a connection to this one that is not broken yet: it waits no longer than while followers move.
   */
  async room(detached: boolean, signal: AbortSignal): Promise<void> {
    while (!this.#hasRoom) {
      signal.throwIfAborted()
      const { promise, resolve } = Promise.withResolvers<void>()
      const moved = () => resolve()
      this.#moved = moved
      signal.addEventListener('abort', moved, { once: true })
      const stalled = () => {
        this.#stalled = true
        resolve()
      }
      const timer = detached ? setTimeout(stalled, patienceMs) : undefined
      await promise
      clearTimeout(timer)
      signal.removeEventListener('abort', moved)
    }
  }

  get #hasRoom(): boolean {
    const stored = this.#stored ?? 0
    return (
      this.#stalled || this.followers.size === 0 || [...this.followers].some(({ sent }) => stored - sent < maxAhead)
    )
  }
}
