import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type LimitName, type ModelLimits, returnModel, takeModel } from '../../storage/statements/model-limits.ts'
import type { Queryable } from '../../storage/statements/statement.ts'
import { isUnavailable } from '../../storage/unavailable.ts'

/** Milliseconds beyond the longest completion after which its slot is free even if it was not given back. */
const SLOT_MARGIN_MS = 60_000
/** Milliseconds between looks at a limit of concurrency: nobody knows when the next completion ends. */
const CONCURRENCY_WAIT_MS = 250
const RETURN_TRIES = 5

export type Bounded = { model: string; limits: ModelLimits; completionMs: number }

/** A place under the limits. `end` gives it back; `tokens` is what was used, undefined when nobody knows. */
export type Place = { kind: 'place'; end: (tokens: number | undefined) => void }
export type Reached = { kind: 'reached'; limit: LimitName | 'storage'; waitMs: number }

/** The limits of models across replicas, held in PostgreSQL. Made only for a server on which a model has limits. */
export class Limiter {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #replicaId: () => string

  /** `replicaId`: of this process's life in the table `replica`; what it holds is free when that life is over. */
  constructor(db: Queryable, log: Logger, replicaId: () => string) {
    this.#db = db
    this.#log = log
    this.#replicaId = replicaId
  }

  /** One round trip. `tokens` is the most that the completion may use; it counts as used until the place is given back. */
  async take({ model, limits, completionMs }: Bounded, tokens: number): Promise<Place | Reached> {
    const slotId = randomUUID()
    const slotMs = completionMs + SLOT_MARGIN_MS
    try {
      const taken = await takeModel(this.#db, { model, limits, slotId, replicaId: this.#replicaId(), slotMs, tokens })
      if (taken.kind === 'over') {
        const waitMs = taken.limit === 'concurrency' ? CONCURRENCY_WAIT_MS : taken.waitMs
        return { kind: 'reached', limit: taken.limit, waitMs }
      }
      const { second } = taken
      const reserved = Math.min(tokens, limits.tokensPerMinute ?? tokens)
      return {
        kind: 'place',
        end: (used) => {
          const unused = limits.tokensPerMinute === null || used === undefined ? 0 : reserved - used
          if (limits.concurrency !== null || unused !== 0) void this.#return({ model, slotId, second, unused })
        },
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error
      return { kind: 'reached', limit: 'storage', waitMs: CONCURRENCY_WAIT_MS }
    }
  }

  /** Nobody waits for it. What cannot be given back is free when the slot expires. */
  async #return(place: Parameters<typeof returnModel>[1]): Promise<void> {
    for (let tried = 1; ; tried++) {
      try {
        return await returnModel(this.#db, place)
      } catch (error) {
        if (tried === RETURN_TRIES) {
          this.#log.warn(
            { err: error, model: place.model },
            'the place of a completion under its limits was not given back',
          )
          return
        }
        await delay(CONCURRENCY_WAIT_MS * 2 ** tried, undefined, { ref: false })
      }
    }
  }
}
