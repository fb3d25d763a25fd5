import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type LimitName, type ModelLimits, returnModel, takeModel } from '../../storage/statements/model-limits.ts'
import type { Queryable } from '../../storage/statements/statement.ts'
import { isUnavailable } from '../../storage/unavailable.ts'

/** Milliseconds beyond the longest completion after which its slot is free even if it was not given back. */
const SLOT_MARGIN_MS = 60_000
/** Milliseconds between looks at a limit that may have a place at any time: when other completions end, nobody knows. */
const LOOK_MS = 250
const RETURN_TRIES = 5

export type Bounded = { model: string; limits: ModelLimits; completionMs: number }

/** A place under the limits. `end` gives it back; `tokens` is what was used, undefined when nobody knows. */
export type Place = { kind: 'place'; end: (tokens: number | undefined) => void }
/** `waitMs`: until there is a place if nobody takes it. `lookMs`: until there may be one, and it is worth asking again. */
export type Reached = { kind: 'reached'; limit: LimitName | 'storage'; waitMs: number; lookMs: number }

/** Who asks for places of one model, one after the other; `reached` holds for all of them until then. */
type Line = { last: Promise<void>; reached: { limit: Reached['limit']; freeAt: number; until: number } | undefined }

/**
 * The limits of models across replicas, held in PostgreSQL. Asked only for models that have some: once for a completion, and
 * while a limit is reached once for all that wait here, so that thousands of them are no load.
 */
export class Limiter {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #replicaId: () => string
  readonly #lines = new Map<string, Line>()

  /** `replicaId`: of this process's life in the table `replica`; what it holds is free when that life is over. */
  constructor(db: Queryable, log: Logger, replicaId: () => string) {
    this.#db = db
    this.#log = log
    this.#replicaId = replicaId
  }

  /** `tokens` is the most that the completion may use; it counts as used until the place is given back. */
  async take(bounded: Bounded, tokens: number): Promise<Place | Reached> {
    const line = this.#lines.get(bounded.model) ?? { last: Promise.resolve(), reached: undefined }
    this.#lines.set(bounded.model, line)
    const before = line.last
    const turn = Promise.withResolvers<void>()
    line.last = turn.promise
    await before
    try {
      const now = performance.now()
      const { reached } = line
      if (reached && reached.until > now) {
        const [waitMs, lookMs] = [Math.ceil(Math.max(reached.freeAt - now, 1)), Math.ceil(reached.until - now)]
        return { kind: 'reached', limit: reached.limit, waitMs, lookMs }
      }
      const result = await this.#take(bounded, tokens, line)
      line.reached =
        result.kind === 'place'
          ? undefined
          : { limit: result.limit, freeAt: performance.now() + result.waitMs, until: performance.now() + result.lookMs }
      return result
    } finally {
      turn.resolve()
    }
  }

  async #take({ model, limits, completionMs }: Bounded, tokens: number, line: Line): Promise<Place | Reached> {
    const slotId = randomUUID()
    const slotMs = completionMs + SLOT_MARGIN_MS
    try {
      const taken = await takeModel(this.#db, { model, limits, slotId, replicaId: this.#replicaId(), slotMs, tokens })
      if (taken.kind === 'over') return reached(taken.limit, taken.waitMs || LOOK_MS)
      const { second } = taken
      const reserved = Math.min(tokens, limits.tokensPerMinute ?? tokens)
      return {
        kind: 'place',
        end: (used) => {
          const unused = limits.tokensPerMinute === null || used === undefined ? 0 : reserved - used
          if (limits.concurrency !== null || unused !== 0) void this.#return({ model, slotId, second, unused }, line)
        },
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error
      return reached('storage', LOOK_MS)
    }
  }

  /** Nobody waits for it. What cannot be given back is free when the slot expires. */
  async #return(place: Parameters<typeof returnModel>[1], line: Line): Promise<void> {
    for (let tried = 1; ; tried++) {
      try {
        await returnModel(this.#db, place)
        if (line.reached?.limit !== 'requests_per_minute') line.reached = undefined
        return
      } catch (error) {
        if (tried === RETURN_TRIES) {
          const said = 'the place of a completion under its limits was not given back'
          this.#log.warn({ err: error, model: place.model }, said)
          return
        }
        await delay(LOOK_MS * 2 ** tried, undefined, { ref: false })
      }
    }
  }
}

/** Requests leave their minute at a known time, and nothing else makes room; for all other limits completions that end do. */
function reached(limit: Reached['limit'], waitMs: number): Reached {
  return {
    kind: 'reached',
    limit,
    waitMs,
    lookMs: limit === 'requests_per_minute' ? waitMs : Math.min(waitMs, LOOK_MS),
  }
}
