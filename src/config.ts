import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProviderConfig } from './config/model-settings.ts'
import { type ModelsConfig, readModelsFile } from './config/models-file.ts'

/** What of the storage is set, for the server and for `deed migrate`. */
export type StorageConfig = {
  /** DEED_DATA_DIR, default `.deed`: the folder of the embedded PostgreSQL and of `admin.key`, made where it is missing. */
  dataDir: string
  /** DATABASE_URL, `postgresql://…` of a PostgreSQL 15 or newer; undefined for the embedded one. */
  databaseUrl: string | undefined
}

/** What the server is told by its environment. The OpenTelemetry SDK reads the `OTEL_*` variables itself. */
export type ServerConfig = StorageConfig &
  ModelsConfig & {
    /** DEED_HOST, default `127.0.0.1`: the address to listen on; `0.0.0.0` or `::` for all. */
    host: string
    /** DEED_PORT, default 50051; 0 for any free one. */
    port: number
    /**
     * DEED_MODEL, `provider/name`: the model of methods that name none. Default: a Claude when ANTHROPIC_API_KEY is set, else
     * `local/keywords` with the embedded PostgreSQL. With a database of one's own, there is no default without that key.
     */
    model: string
    /** DEED_CASSETTE, `record` or `replay`, with DEED_CASSETTE_FILE: completions are kept in that file, or come from it. */
    cassette: { mode: 'record' | 'replay'; file: string } | undefined
    /** DEED_ADMIN_KEY_FILE: a file that supplies the first admin key, instead of one that the first start makes. */
    adminKeyFile: string | undefined
    /** DEED_DRAIN_SECONDS, default 30, 0 to 3600: how long calls may finish after a SIGTERM. Here in milliseconds. */
    drainMs: number
    /** DEED_DATABASE_CONNECTIONS, default 16, 2 to 1000: the most that are held to PostgreSQL. */
    databaseConnections: number
    /** DEED_RETENTION_DAYS, default 30, 3 to 3650: operations of days that ended longer ago are dropped, with their completions. */
    retentionDays: number
    /** DEED_LOG_LEVEL, default `info`. */
    logLevel: LogLevel
  }

/** What the commands that call a server are told. */
export type ClientConfig = {
  /** DEED_ADDRESS, `host:port`, default DEED_HOST and DEED_PORT, so that commands reach the server started beside them. */
  address: string
  /** DEED_KEY: the API key to send; undefined to read it from `keyFile`. */
  key: string | undefined
  /** DEED_ADMIN_KEY_FILE, default `admin.key` in the data folder: where the server's first key is. */
  keyFile: string
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
type LogLevel = (typeof logLevels)[number]

const defaultAnthropicModel = 'anthropic/claude-sonnet-5-5'
const localModel = 'local/keywords'

/** Reads the server's settings. Throws an Error of one line that names the setting and says what would be right. */
export function readServerConfig(env: NodeJS.ProcessEnv): ServerConfig {
  const storage = readStorageConfig(env)
  const cassette = readCassette(env)
  const { providers, models } = readModels(env, cassette?.mode === 'replay')
  return {
    ...storage,
    host: setting(env, 'DEED_HOST') ?? '127.0.0.1',
    port: integer(env, 'DEED_PORT', 50_051, 0, 65_535),
    model: model(setting(env, 'DEED_MODEL'), providers, storage.databaseUrl === undefined),
    providers,
    models,
    cassette,
    adminKeyFile: setting(env, 'DEED_ADMIN_KEY_FILE'),
    drainMs: integer(env, 'DEED_DRAIN_SECONDS', 30, 0, 3_600) * 1_000,
    databaseConnections: integer(env, 'DEED_DATABASE_CONNECTIONS', 16, 2, 1_000),
    retentionDays: integer(env, 'DEED_RETENTION_DAYS', 30, 3, 3_650),
    logLevel: oneOf(env, 'DEED_LOG_LEVEL', logLevels, 'info'),
  }
}

function readCassette(env: NodeJS.ProcessEnv): ServerConfig['cassette'] {
  const [name, file] = [setting(env, 'DEED_CASSETTE'), setting(env, 'DEED_CASSETTE_FILE')]
  if (name === undefined && file === undefined) return undefined
  const mode = (['record', 'replay'] as const).find((each) => each === name)
  if (name !== undefined && mode === undefined) {
    throw new Error(`DEED_CASSETTE must be record or replay, not ${JSON.stringify(name)}`)
  }
  if (mode === undefined) throw new Error('DEED_CASSETTE_FILE needs DEED_CASSETTE: set that to record or replay')
  if (file === undefined) throw new Error('DEED_CASSETTE needs DEED_CASSETTE_FILE: set that to the path of a file')
  return { mode, file }
}

/**
 * ANTHROPIC_API_KEY with ANTHROPIC_BASE_URL and OPENAI_API_KEY with OPENAI_BASE_URL make `anthropic/…` and `openai/…` (default: the
 * vendor's own URL); the YAML file that DEED_MODELS names may say more, of them and of others. A replay asks no vendor, and is set
 * up as if all keys were there.
 */
function readModels(env: NodeJS.ProcessEnv, replays: boolean): ModelsConfig {
  const providers = new Map<string, ProviderConfig>()
  const key = (name: string) => apiKey(env, name) ?? (replays ? 'none' : undefined)
  const anthropic = key('ANTHROPIC_API_KEY')
  if (anthropic !== undefined) {
    providers.set('anthropic', {
      kind: 'anthropic',
      apiKey: anthropic,
      baseUrl: webUrl(env, 'ANTHROPIC_BASE_URL'),
    })
  }
  const openai = key('OPENAI_API_KEY')
  if (openai !== undefined) {
    providers.set('openai', {
      kind: 'openai',
      apiKey: openai,
      baseUrl: webUrl(env, 'OPENAI_BASE_URL'),
      azureApiVersion: undefined,
      outputLimit: 'max_completion_tokens',
    })
  }
  const path = setting(env, 'DEED_MODELS')
  if (path === undefined) return { providers, models: new Map() }
  try {
    return readModelsFile(path, readFileSync(path, 'utf8'), key, providers)
  } catch (error) {
    const cannot = error instanceof Error && 'code' in error
    throw new Error(`DEED_MODELS: ${cannot ? `cannot read ${path} (${error.code})` : messageOf(error)}`, {
      cause: error,
    })
  }
}

/** Not quoted when it is wrong. No header can hold other characters: every call would fail. */
function apiKey(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = setting(env, name)
  if (text === undefined || /^[\x21-\x7e]+$/.test(text)) return text
  throw new Error(`${name} must be a key: visible ASCII characters in one line`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Reads where the data is; throws as readServerConfig does. */
export function readStorageConfig(env: NodeJS.ProcessEnv): StorageConfig {
  return {
    dataDir: setting(env, 'DEED_DATA_DIR') ?? '.deed',
    databaseUrl: url(env, 'DATABASE_URL', ['postgres:', 'postgresql:']),
  }
}

/** Reads the settings of commands; throws as readServerConfig does. */
export function readClientConfig(env: NodeJS.ProcessEnv): ClientConfig {
  const { dataDir } = readStorageConfig({ DEED_DATA_DIR: env['DEED_DATA_DIR'] })
  return {
    address: setting(env, 'DEED_ADDRESS') === undefined ? localAddress(env) : address(env),
    key: setting(env, 'DEED_KEY'),
    keyFile: setting(env, 'DEED_ADMIN_KEY_FILE') ?? join(dataDir, 'admin.key'),
  }
}

function webUrl(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = url(env, name, ['http:', 'https:'])
  const { username, password } = URL.parse(text ?? '') ?? {}
  // No request can be made of it.
  if (username || password) throw new Error(`${name} must not hold a user or a password`)
  return text
}

/** A variable that is set to nothing counts as not set. */
function setting(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name]?.trim() || undefined
}

function integer(env: NodeJS.ProcessEnv, name: string, otherwise: number, min: number, max: number): number {
  const text = setting(env, name)
  if (text === undefined) return otherwise
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new Error(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

function oneOf<T extends string>(env: NodeJS.ProcessEnv, name: string, values: readonly T[], otherwise: T): T {
  const text = setting(env, name)
  if (text === undefined) return otherwise
  const value = values.find((candidate) => candidate === text)
  if (value !== undefined) return value
  throw new Error(`${name} must be one of ${values.join(', ')}, not ${JSON.stringify(text)}`)
}

/** Not quoted when it is wrong: it may hold a password. */
function url(env: NodeJS.ProcessEnv, name: string, protocols: readonly string[]): string | undefined {
  const text = setting(env, name)
  if (text === undefined || protocols.includes(URL.parse(text)?.protocol ?? '')) return text
  if (URL.parse(text) === null && protocols.some((protocol) => text.startsWith(`${protocol}//`))) {
    throw new Error(`${name} is not a URL: check its host, port and the escaping of its password`)
  }
  throw new Error(`${name} must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`)
}

function model(named: string | undefined, providers: ServerConfig['providers'], isEmbedded: boolean): string {
  if (named === undefined) {
    if (providers.has('anthropic')) return defaultAnthropicModel
    if (isEmbedded) return localModel
    // A server in production that lost its vendor's secret must not go on by answering with keywords.
    throw new Error(
      `no model to answer with: set ANTHROPIC_API_KEY, or set DEED_MODEL to one such as ${localModel} (with DATABASE_URL there is no default)`,
    )
  }
  const [, provider = '', name] = /^([a-z0-9-]+)\/([A-Za-z0-9._:/-]+)$/.exec(named) ?? []
  if (named === localModel || (name !== undefined && providers.has(provider))) return named
  const key = name === undefined ? undefined : keys[provider]
  if (key !== undefined) {
    throw new Error(`DEED_MODEL is ${named}, which needs ${key}: set that, or set DEED_MODEL to ${localModel}`)
  }
  throw new Error(
    `DEED_MODEL must be ${localModel}, or anthropic/, openai/ or a provider in DEED_MODELS and the name of a model, not ${JSON.stringify(named)}`,
  )
}

/** What makes a provider without a file. */
const keys: Readonly<Record<string, string>> = { anthropic: 'ANTHROPIC_API_KEY', openai: 'OPENAI_API_KEY' }

function address(env: NodeJS.ProcessEnv): string {
  const text = setting(env, 'DEED_ADDRESS') ?? ''
  const [, port] = /^(?:[^\s:/[\]]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(text) ?? []
  if (port !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return text
  throw new Error(`DEED_ADDRESS must be host:port, such as 127.0.0.1:50051, not ${JSON.stringify(text)}`)
}

/** Of a server that was started with the same environment. */
function localAddress(env: NodeJS.ProcessEnv): string {
  const host = setting(env, 'DEED_HOST') ?? '127.0.0.1'
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `${reachable.includes(':') ? `[${reachable}]` : reachable}:${integer(env, 'DEED_PORT', 50_051, 0, 65_535)}`
}
