import type { Logger } from 'pino'
import type { ModelSettings } from '../../config/model-settings.ts'
import { listPrices } from '../prices.ts'
import { type Providers, splitModel } from '../provider.ts'
import type { Limiter } from './limiter.ts'
import { Model } from './model.ts'

export type ModelsParts = {
  providers: Providers
  /** Of the models that the configuration lists, by `provider/name`; all others have defaults. */
  settings?: ReadonlyMap<string, ModelSettings>
  /** Needed when a model has limits. */
  limiter?: Limiter
  log?: Logger
}

/** The models that this server can ask: those that are listed from the start, others of its providers as they are named. */
export class Models {
  readonly #parts: ModelsParts
  readonly #models = new Map<string, Model>()

  constructor(parts: ModelsParts) {
    this.#parts = parts
    for (const name of parts.settings?.keys() ?? []) this.get(name)
  }

  /** Undefined when the server has no provider of that name. */
  get(name: string): Model | undefined {
    const known = this.#models.get(name)
    if (known) return known
    const { providers, settings, limiter, log } = this.#parts
    const provider = providers.get(splitModel(name)[0])
    if (!provider) return undefined
    const own = settings?.get(name) ?? {}
    const model = new Model({
      name,
      provider,
      prices: own.prices ?? listPrices(name),
      settings: own,
      limiter,
      log,
    })
    this.#models.set(name, model)
    return model
  }
}
