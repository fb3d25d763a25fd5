import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { isUnavailable, storageError } from '../storage/unavailable.ts'

type Waiting<I, O> = { item: I; size: number; resolve: (output: O) => void; reject: (error: unknown) => void }

export type BatcherOptions<I, O> = {
  /** Names the span of a flush. */
  name: string
  /** Runs one statement for all items; one output per item, in order. */
  flush: (items: readonly I[]) => Promise<readonly O[]>
  /** Items with the same rival cannot share a statement: the later one waits for the next. */
  rival: (item: I) => string | undefined
  /** Bytes of an item, roughly. */
  size: (item: I) => number
}

const maxItems = 256
const maxBytes = 8 * 1024 * 1024
/** After a flush that failed this late, what has queued behind it is told at once instead of hanging as long itself. */
const hungMs = 1_000

const tracer = trace.getTracer('deed')

/**
 * Joins the items of concurrent calls into one statement: a flush starts when one before it is done, never by a timer, so
 * an idle system adds no wait and a busy one grows its batches. A statement that is refused is tried again item by item:
 * one bad row fails alone.
 */
export class Batcher<I, O> {
  readonly #options: BatcherOptions<I, O>
  #queue: Waiting<I, O>[] = []
  #flushing = false

  constructor(options: BatcherOptions<I, O>) {
    this.#options = options
  }

  /** Resolves after COMMIT. Rejects with UNAVAILABLE, or with what the database had against this item. */
  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, size: this.#options.size(item), resolve, reject })
      this.#schedule()
    })
  }

  /** In the next turn of the event loop, so that the calls that arrived in this one share a flush. */
  #schedule(): void {
    if (this.#flushing || this.#queue.length === 0) return
    this.#flushing = true
    setImmediate(() => void this.#drain())
  }

  /**
   * Flushes until nothing is queued. The next statement is on its way before those who waited for the last go on, so that
   * PostgreSQL works while they do.
   */
  async #drain(): Promise<void> {
    let tell = () => {}
    while (this.#queue.length > 0) {
      const flushed = this.#flush(this.#take())
      setImmediate(tell)
      tell = await flushed
    }
    this.#flushing = false
    tell()
  }

  #take(): Waiting<I, O>[] {
    const batch: Waiting<I, O>[] = []
    const later: Waiting<I, O>[] = []
    const rivals = new Set<string>()
    let bytes = 0
    for (const waiting of this.#queue) {
      const rival = this.#options.rival(waiting.item)
      const full = batch.length >= maxItems || (batch.length > 0 && bytes + waiting.size > maxBytes)
      if (full || (rival !== undefined && rivals.has(rival))) {
        later.push(waiting)
        continue
      }
      if (rival !== undefined) rivals.add(rival)
      bytes += waiting.size
      batch.push(waiting)
    }
    this.#queue = later
    return batch
  }

  /** Returns what tells those who wait for the batch. Never rejects. */
  async #flush(batch: readonly Waiting<I, O>[]): Promise<() => void> {
    const sentAt = performance.now()
    try {
      const outputs = await this.#run(batch.map((waiting) => waiting.item))
      return () => {
        batch.forEach((waiting, index) => {
          const output = outputs[index]
          if (output === undefined) waiting.reject(new Error(`${this.#options.name} returned no output for an item`))
          else waiting.resolve(output)
        })
      }
    } catch (error) {
      if (batch.length === 1 || isUnavailable(error)) {
        const hung = isUnavailable(error) && performance.now() - sentAt > hungMs
        const told = hung ? [...batch, ...this.#queue.splice(0)] : batch
        return () => {
          for (const waiting of told) waiting.reject(storageError(error))
        }
      }
      const tells: (() => void)[] = []
      for (const waiting of batch) tells.push(await this.#flush([waiting]))
      return () => {
        for (const tell of tells) tell()
      }
    }
  }

  async #run(items: readonly I[]): Promise<readonly O[]> {
    const { name } = this.#options
    const attributes = {
      'db.system.name': 'postgresql',
      'db.operation.name': name,
      'db.operation.batch.size': items.length,
    }
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes })
    try {
      return await this.#options.flush(items)
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  }
}
