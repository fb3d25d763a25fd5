import type { Work } from './subject.ts'

/**
 * Keeps adding and working in step: at most `ahead` are added that are not worked on, and where more than that wait from the
 * start, the work waits when it is as much ahead of the adding. So each rate is that of both, however many wait.
 */
export class Pace {
  readonly #ahead: number
  /** How many may be added. */
  #credit: number
  #adding: { count: number; go: () => void }[] = []
  #working: (() => void)[] = []
  #over = false
  handled = 0

  constructor(ahead: number) {
    this.#ahead = ahead
    this.#credit = ahead
  }

  /** When the work on one begins. */
  readonly work: Work = () => {
    this.handled++
    this.#credit++
    const first = this.#adding[0]
    if (first && this.#credit >= first.count) {
      this.#adding.shift()
      this.#credit -= first.count
      first.go()
    }
    if (this.#over || this.#credit <= 2 * this.#ahead) return undefined
    return new Promise((go) => {
      this.#working.push(go)
    })
  }

  /** Resolves when so many more may be added: true, or false when it is over. */
  async take(count: number): Promise<boolean> {
    if (this.#over) return false
    if (this.#adding.length === 0 && this.#credit >= count) {
      this.#credit -= count
      for (const go of this.#working.splice(0, count)) go()
      return true
    }
    await new Promise<void>((go) => {
      this.#adding.push({ count, go })
    })
    return !this.#over
  }

  end(): void {
    this.#over = true
    for (const { go } of this.#adding.splice(0)) go()
    for (const go of this.#working.splice(0)) go()
  }
}
