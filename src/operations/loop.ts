/**
 * Does a task again and again with a pause between, the next at once when the task says that there is more. A failure is
 * reported and followed by the pause.
 */
export class Loop {
  readonly #pauseMs: number
  readonly #task: () => Promise<boolean>
  readonly #onError: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(pauseMs: number, task: () => Promise<boolean>, onError: (error: unknown) => void) {
    this.#pauseMs = pauseMs
    this.#task = task
    this.#onError = onError
  }

  start(): void {
    this.#schedule(0)
  }

  /** Resolves when the turn that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#turn
  }

  #schedule(ms: number): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#turn = this.#once()
    }, ms)
  }

  async #once(): Promise<void> {
    let more = false
    try {
      more = await this.#task()
    } catch (error) {
      this.#onError(error)
    }
    this.#schedule(more ? 0 : this.#pauseMs)
  }
}
