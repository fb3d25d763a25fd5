import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { ModelSettings } from '../../config/model-settings.ts'
import type { ModelLimits } from '../../storage/statements/model-limits.ts'
import { costMicroUsd, type Prices } from '../prices.ts'
import { type CompletionRequest, type Dialect, ModelError, type Provider, type Usage } from '../provider.ts'
import type { JsonSchema } from '../schema.ts'
import type { Timeouts } from '../stop.ts'
import { Breaker, type BreakerState, type Verdict } from './breaker.ts'
import type { Limiter, Place } from './limiter.ts'

const FIRST_TOKEN_MS = 60_000
const COMPLETION_MS = 600_000
/** The longest wait for a place under a model's limits, when there is no other model to ask. */
const PATIENCE_MS = 5_000

/** What a completion may do: go ahead, then say how it ended, and wait until that is known; or not be asked for at all. */
export type Admission =
  | { kind: 'admitted'; end: (verdict: Verdict, tokens: number | undefined) => Promise<void> }
  | { kind: 'skipped'; error: ModelError }

export type ModelParts = {
  /** `provider/name` */
  name: string
  provider: Provider
  prices: Prices | undefined
  settings: ModelSettings
  limiter: Limiter | undefined
  log: Logger | undefined
}

/** One model that this server can ask: its provider, breaker, limits, timeouts and prices. */
export class Model {
  readonly name: string
  /** Only what was admitted may ask it, within the timeouts. */
  readonly provider: Provider
  readonly timeouts: Timeouts
  readonly dialect: Dialect | undefined
  readonly breaker: Breaker
  readonly #prices: Prices | undefined
  readonly #limiter: Limiter | undefined
  readonly #limits: ModelLimits
  readonly #log: Logger | undefined

  constructor({ name, provider, prices, settings, limiter, log }: ModelParts) {
    const { limits, firstTokenMs = FIRST_TOKEN_MS, completionMs = COMPLETION_MS, dialect } = settings
    this.name = name
    this.provider = provider
    this.timeouts = { firstTokenMs, completionMs }
    this.dialect = dialect
    this.breaker = new Breaker((state) => this.#changed(state))
    this.#log = log
    this.#prices = prices
    this.#limits = limits ?? NO_LIMITS
    const limited = Object.values(this.#limits).some((limit) => limit !== null)
    if (limited && !limiter) throw new Error(`${name} has limits, and nothing holds them`)
    this.#limiter = limited ? limiter : undefined
  }

  /** What a completion that started at `atMs` cost; undefined when no price is known. */
  costMicroUsd(usage: Usage, atMs: number): bigint | undefined {
    return costMicroUsd(this.#prices, usage, atMs)
  }

  /**
   * Whether a completion may ask now: the breaker lets it, and there is a place under the limits. With `last` it waits for
   * one, up to 5 seconds, since there is no other model to ask. Rejects with the signal's reason.
   */
  async admit(
    request: Pick<CompletionRequest, 'system' | 'turns' | 'schema' | 'maxOutputTokens'>,
    signal: AbortSignal,
    last: boolean,
  ): Promise<Admission> {
    if (this.breaker.waitMs > 0) return this.#open()
    const place = await this.#place(request, signal, last)
    if (place instanceof ModelError) return this.#skip(place)
    // Others may have failed while this one waited.
    if (this.breaker.waitMs > 0) {
      place?.end(0)
      return this.#open()
    }
    const leave = this.breaker.enter()
    return {
      kind: 'admitted',
      end: (verdict, tokens) => {
        place?.end(tokens)
        return leave(verdict)
      },
    }
  }

  async #place(
    request: Parameters<Model['admit']>[0],
    signal: AbortSignal,
    last: boolean,
  ): Promise<Place | ModelError | undefined> {
    if (!this.#limiter) return undefined
    const until = performance.now() + (last ? PATIENCE_MS : 0)
    const bounded = { model: this.name, limits: this.#limits, completionMs: this.timeouts.completionMs }
    for (;;) {
      const place = await this.#limiter.take(bounded, mostTokens(request))
      if (place.kind === 'place') return place
      const { limit, waitMs, lookMs } = place
      if (performance.now() + lookMs > until) {
        const why = limit === 'storage' ? 'its limits cannot be looked at' : `its limit ${limit} is reached`
        return new ModelError('unavailable', why, { retryAfterMs: waitMs })
      }
      // Not all at once.
      await delay(lookMs * (1 + Math.random() / 4), undefined, { signal })
    }
  }

  #open(): Admission {
    return this.#skip(new ModelError('unavailable', 'its breaker is open', { retryAfterMs: this.breaker.waitMs }))
  }

  #skip(error: ModelError): Admission {
    this.#log?.debug({ model: this.name, reason: error.message }, 'a model was passed over')
    return { kind: 'skipped', error }
  }

  #changed(breaker: BreakerState): void {
    const level = breaker === 'open' ? 'warn' : 'info'
    this.#log?.[level]({ model: this.name, breaker }, `the breaker of a model is ${breaker}`)
  }
}

const NO_LIMITS: ModelLimits = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null }

/** Only the vendor can count the tokens of a prompt; text of any language has seldom more than one for three bytes. */
function mostTokens({ system, turns, schema, maxOutputTokens }: Parameters<Model['admit']>[0]): number {
  const bytes = turns.reduce((sum, { text }) => sum + Buffer.byteLength(text), Buffer.byteLength(system))
  return Math.ceil((bytes + schemaBytes(schema)) / 3) + maxOutputTokens
}

const sizes = new WeakMap<JsonSchema, number>()

function schemaBytes(schema: JsonSchema): number {
  let size = sizes.get(schema)
  if (size === undefined) {
    size = Buffer.byteLength(JSON.stringify(schema))
    sizes.set(schema, size)
  }
  return size
}
