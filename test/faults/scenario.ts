import type { Arena } from '../support/arena.ts'
import type { Random } from '../support/random.ts'

/** What a scenario has to work with. */
export type Play = {
  arena: Arena
  random: Random
  /** Whether to break something once more: true a given number of times, or until the time is over. */
  again(): boolean
}

/** Breaks something under load and puts it right again. Returns what went wrong beside what the arena assesses itself. */
export type Scenario = { name: string; play(play: Play): Promise<readonly string[] | { skipped: string }> }
