import type { ServerDuplexStream } from '@grpc/grpc-js'

/**
 * The messages that a caller sends, as they are asked for: grpc-js reads no more than 16 ahead. Nothing is read before the first is
 * asked for. Throws the signal's reason, or what {@link fail} was given.
 */
export class Requests implements AsyncIterable<Buffer> {
  readonly #call: ServerDuplexStream<Buffer, Buffer>
  readonly #signal: AbortSignal
  #failure: { reason: unknown } | undefined
  #wake = () => {}

  constructor(call: ServerDuplexStream<Buffer, Buffer>, signal: AbortSignal) {
    this.#call = call
    this.#signal = signal
  }

  /** Ends the reading: no more is taken of what the caller sends. */
  fail(reason: unknown): void {
    this.#failure = { reason }
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const call = this.#call
    const wake = () => this.#wake()
    for (const event of ['readable', 'end'] as const) call.on(event, wake)
    this.#signal.addEventListener('abort', wake, { once: true })
    for (;;) {
      this.#signal.throwIfAborted()
      if (this.#failure) throw this.#failure.reason
      const news = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const message: Buffer | null = call.read()
      if (message !== null) yield message
      else if (call.readableEnded) return
      else await news
    }
  }
}
