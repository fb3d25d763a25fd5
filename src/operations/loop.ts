/** Does a task again and again. The task says after how many milliseconds; a failure is reported and followed by the pause. */
export class Loop {
  readonly #pauseMs: number
  readonly #task: () => Promise<number>
  readonly #onError: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> | undefined
  #woken = false
  #stopped = true

  constructor(pauseMs: number, task: () => Promise<number>, onError: (error: unknown) => void) {
    this.#pauseMs = pauseMs
    this.#task = task
    this.#onError = onError
  }

  start(): void {
    this.#stopped = false
    this.wake()
  }

  /** Has the next turn come at once, or right after the one that is under way. */
  wake(): void {
    if (this.#stopped || this.#woken) return
    this.#woken = true
    if (!this.#turn) this.#schedule(0)
  }

  /** Resolves when the turn that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#turn
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    const begin = () => {
      this.#turn = this.#once()
    }
    // A timer of 0 takes a millisecond.
    if (ms <= 0) setImmediate(begin)
    else this.#timer = setTimeout(begin, ms)
  }

  async #once(): Promise<void> {
    if (this.#stopped) return
    this.#woken = false
    let pauseMs = this.#pauseMs
    try {
      pauseMs = await this.#task()
    } catch (error) {
      this.#onError(error)
    }
    this.#turn = undefined
    this.#schedule(this.#woken ? 0 : pauseMs)
  }
}
