import type { ModelSettings, ProviderConfig } from './model-settings.ts'
import { type Entry, parseYaml } from './yaml-entry.ts'

export type ModelsConfig = {
  /** By the name in front of the slash. */
  providers: ReadonlyMap<string, ProviderConfig>
  /** By `provider/name`: what is set for single models. */
  models: ReadonlyMap<string, ModelSettings>
}

/**
 * Reads what DEED_MODELS names. `variable` reads the environment, in which the keys are; `given` are the providers that it
 * sets up without a file, of which the file may say something else. Throws an Error of one line with path, line and column.
 */
export function readModelsFile(
  path: string,
  text: string,
  variable: (name: string) => string | undefined,
  given: ReadonlyMap<string, ProviderConfig>,
): ModelsConfig {
  const file = parseYaml(path, text).record('providers', 'models')
  const providers = new Map(given)
  for (const [name, entry] of file.providers?.map() ?? []) providers.set(name, provider(name, entry, variable))
  const models = new Map<string, ModelSettings>()
  for (const [name, entry] of file.models?.map() ?? []) {
    requireProvider(name, entry, providers)
    models.set(name, settings(entry))
  }
  return { providers, models }
}

function provider(name: string, entry: Entry, variable: (name: string) => string | undefined): ProviderConfig {
  if (!/^[a-z0-9-]+$/.test(name)) throw entry.nameFault('must be named by small letters, digits and hyphens')
  if (name === 'local') throw entry.nameFault('cannot be set: local/… runs in Deed itself')
  const known = ['kind', 'base_url', 'api_key_env', 'azure_api_version', 'output_limit'] as const
  const { kind, base_url, api_key_env, azure_api_version, output_limit } = entry.record(...known)
  if (!kind) throw entry.fault('lacks kind: anthropic or openai')
  const baseUrl = base_url && webUrl(base_url)
  const isOpenAi = kind.oneOf('anthropic', 'openai') === 'openai'
  const keyName = api_key_env?.text() ?? defaultKey(isOpenAi, baseUrl)
  const apiKey = keyName === undefined ? undefined : variable(keyName)
  if (keyName !== undefined && apiKey === undefined) {
    // Not quoted when it may be the key itself.
    const name = /^[A-Z][A-Z0-9_]*$/.test(keyName) ? ` ${keyName}` : ''
    throw (api_key_env ?? entry).fault(`needs the environment variable${name || ' that it names'}, which is not set`)
  }
  if (isOpenAi) {
    const azureApiVersion = azure_api_version?.text()
    if (azure_api_version && (baseUrl === undefined || apiKey === undefined)) {
      throw azure_api_version.fault('needs base_url and api_key_env beside it')
    }
    const outputLimit = output_limit?.oneOf('max_completion_tokens', 'max_tokens') ?? 'max_completion_tokens'
    return { kind: 'openai', apiKey, baseUrl, azureApiVersion, outputLimit }
  }
  const misplaced = azure_api_version ?? output_limit
  if (misplaced) throw misplaced.fault('may stand with kind openai only')
  return { kind: 'anthropic', apiKey: apiKey ?? '', baseUrl }
}

/** A server of one's own that speaks OpenAI's API mostly needs no key. */
function defaultKey(isOpenAi: boolean, baseUrl: string | undefined): string | undefined {
  if (!isOpenAi) return 'ANTHROPIC_API_KEY'
  return baseUrl === undefined ? 'OPENAI_API_KEY' : undefined
}

function requireProvider(name: string, entry: Entry, providers: ReadonlyMap<string, ProviderConfig>): void {
  const [, prefix = ''] = /^([a-z0-9-]+)\/[A-Za-z0-9._:/-]+$/.exec(name) ?? []
  if (prefix === '') throw entry.nameFault('must be named provider/name')
  if (prefix === 'local') throw entry.nameFault('cannot be set: it runs in Deed itself')
  if (providers.has(prefix)) return
  const names = [...providers.keys()].join(', ') || 'none'
  throw entry.nameFault(`is of the provider ${prefix}, which is not under providers (there: ${names})`)
}

function settings(entry: Entry): ModelSettings {
  const known = ['prices', 'limits', 'timeouts', 'structured_output', 'effort'] as const
  const { prices, limits, timeouts, structured_output, effort } = entry.record(...known)
  const bounds = limits?.record('requests_per_minute', 'tokens_per_minute', 'concurrency')
  const times = timeouts?.record('first_token', 'completion')
  return {
    ...(prices && { prices: pricesIn(prices) }),
    ...(bounds && {
      limits: {
        requestsPerMinute: bounds.requests_per_minute?.integer(1, 1_000_000) ?? null,
        tokensPerMinute: bounds.tokens_per_minute?.integer(1, 1_000_000_000) ?? null,
        concurrency: bounds.concurrency?.integer(1, 100_000) ?? null,
      },
    }),
    ...(times?.first_token && { firstTokenMs: milliseconds(times.first_token) }),
    ...(times?.completion && { completionMs: milliseconds(times.completion) }),
    dialect: {
      ...(structured_output && { structuredOutput: structured_output.oneOf('json_schema', 'json_object', 'none') }),
      ...(effort && { effort: effort.boolean() }),
    },
  }
}

function pricesIn(entry: Entry): NonNullable<ModelSettings['prices']> {
  const days = new Set<number>()
  return entry.list().map((item) => {
    const { from, input, output, cache_read, cache_write } = item.record(
      'from',
      'input',
      'output',
      'cache_read',
      'cache_write',
    )
    if (!input || !output) throw item.fault('lacks input or output: dollars per million tokens')
    const day = from ? midnight(from) : Number.NEGATIVE_INFINITY
    if (days.has(day)) throw (from ?? item).fault('is a second price from the same day on')
    days.add(day)
    // A cache that is not priced costs no less than what it saves.
    return {
      from: day,
      input: microDollars(input),
      output: microDollars(output),
      cacheRead: microDollars(cache_read ?? input),
      cacheWrite: microDollars(cache_write ?? input),
    }
  })
}

function microDollars(entry: Entry): number {
  return Math.round(entry.number(0, 1_000_000) * 1_000_000)
}

function midnight(entry: Entry): number {
  const text = entry.text()
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
  // The 31st of February is parsed as a day in March.
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(text)) {
    throw entry.fault('must be a day, such as 2026-01-31')
  }
  return time
}

function milliseconds(entry: Entry): number {
  const [, amount, unit] = /^(\d{1,5})(s|m)$/.exec(entry.text()) ?? []
  const ms = Number(amount) * (unit === 'm' ? 60_000 : 1_000)
  if (amount === undefined || ms < 1_000 || ms > 86_400_000) throw entry.fault('must be a time such as 30s or 10m')
  return ms
}

/** Not quoted when it is wrong: it may hold a password. */
function webUrl(entry: Entry): string {
  const text = entry.text()
  const url = URL.parse(text)
  if (!['http:', 'https:'].includes(url?.protocol ?? '')) {
    throw entry.fault('must be a URL that starts with http:// or https://')
  }
  if (url?.username || url?.password) throw entry.fault('must not hold a user or a password')
  return text
}
