import { shuttingDown } from '../operations/outcome.ts'

/** Ends a call with what it is to be answered with. */
export type End = (reason: unknown) => void

/** Calls that go on for as long as their callers like. A drain ends them: one of them would keep `tryShutdown` waiting. */
export class OpenCalls {
  readonly #ends = new Set<End>()
  #closed = false

  /** Returns what is called when the call is over. Once closed, a call is ended at once. */
  add(end: End): () => void {
    if (this.#closed) {
      end(shuttingDown())
      return () => {}
    }
    this.#ends.add(end)
    return () => this.#ends.delete(end)
  }

  /** Ends all, and each that comes later, with UNAVAILABLE. */
  close(): void {
    this.#closed = true
    for (const end of this.#ends) end(shuttingDown())
    this.#ends.clear()
  }
}
