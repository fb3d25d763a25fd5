import { status } from '@grpc/grpc-js'
import { DeedError } from '../../errors/deed-error.ts'
import type { Follower } from './feed.ts'
import type { News } from './news.ts'

type Heard = { news: readonly News[]; upToMs: number }

const maxBehind = 10_000
/** After so long without a change a stream says how far it is. */
const heartbeatMs = 15_000

/** What one watcher has heard and its reader has not yet taken. A reader that falls too far behind is sent away. */
export class Backlog implements Follower, AsyncIterable<Heard> {
  readonly #matching: (news: News) => boolean
  readonly #signal: AbortSignal
  #heard: Heard[] = []
  #size = 0
  #taken = performance.now()
  #error: unknown
  #wake = () => {}

  constructor(matching: (news: News) => boolean, signal: AbortSignal) {
    this.#matching = matching
    this.#signal = signal
    signal.addEventListener('abort', () => this.#wake(), { once: true })
  }

  readonly hear = (all: readonly News[], upToMs: number): void => {
    const news = all.filter(this.#matching)
    const waiting = this.#heard.at(-1)
    if (news.length === 0) {
      // Time has passed, and no more than that.
      if (waiting) waiting.upToMs = upToMs
      if (waiting || performance.now() - this.#taken < heartbeatMs) return
    }
    this.#size += news.length
    if (this.#size > maxBehind) this.fail(tooSlow())
    else this.#heard.push({ news, upToMs })
    this.#wake()
  }

  readonly fail = (error: unknown): void => {
    this.#error ??= error
    this.#heard = []
    this.#wake()
  }

  /** Until the signal fires: then it throws its reason. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Heard> {
    for (;;) {
      this.#signal.throwIfAborted()
      if (this.#error !== undefined) throw this.#error
      const heard = this.#heard.shift()
      if (!heard) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        continue
      }
      this.#size -= heard.news.length
      yield heard
      this.#taken = performance.now()
    }
  }
}

function tooSlow(): DeedError {
  const message = `more than ${maxBehind} changes wait for this reader; watch again with the last resume_token`
  return new DeedError(status.RESOURCE_EXHAUSTED, 'OVERLOADED', message, {
    retryDelayMs: 1_000,
    quotas: [{ subject: 'watch', description: `changes that wait for the reader: ${maxBehind} at the most` }],
  })
}
