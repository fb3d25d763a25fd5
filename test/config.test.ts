import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readClientConfig, readServerConfig, readStorageConfig } from '../src/config.ts'

const database = 'postgresql://deed:secret@db/deed'

function refusal(env: NodeJS.ProcessEnv, read: (env: NodeJS.ProcessEnv) => unknown = readServerConfig): string {
  try {
    read(env)
  } catch (error) {
    assert.ok(error instanceof Error)
    assert.ok(!error.message.includes('\n'))
    return error.message
  }
  return assert.fail('it was not refused')
}

describe('readServerConfig', () => {
  it('has a default for everything, and takes empty for unset', () => {
    const expected = {
      dataDir: '.deed',
      databaseUrl: undefined,
      host: '127.0.0.1',
      port: 50_051,
      model: 'local/keywords',
      providers: new Map(),
      models: new Map(),
      cassette: undefined,
      adminKeyFile: undefined,
      drainMs: 30_000,
      databaseConnections: 16,
      retentionDays: 30,
      logLevel: 'info',
    }
    assert.deepEqual(readServerConfig({}), expected)
    assert.deepEqual(
      readServerConfig({ DEED_PORT: '', DEED_MODEL: ' ', DATABASE_URL: '', ANTHROPIC_API_KEY: '' }),
      expected,
    )
  })

  it('reads every setting', () => {
    const env = {
      DEED_HOST: '::',
      DEED_PORT: '0',
      DEED_DATA_DIR: '/data',
      DATABASE_URL: database,
      DEED_MODEL: 'anthropic/claude-haiku-5-5',
      ANTHROPIC_API_KEY: 'sk',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:1',
      OPENAI_API_KEY: 'so',
      OPENAI_BASE_URL: 'http://127.0.0.1:2',
      DEED_CASSETTE: 'record',
      DEED_CASSETTE_FILE: '/data/cassette.jsonl',
      DEED_ADMIN_KEY_FILE: '/run/key',
      DEED_DRAIN_SECONDS: '5',
      DEED_DATABASE_CONNECTIONS: '4',
      DEED_RETENTION_DAYS: '7',
      DEED_LOG_LEVEL: 'debug',
    }
    assert.deepEqual(readServerConfig(env), {
      dataDir: '/data',
      databaseUrl: database,
      host: '::',
      port: 0,
      model: 'anthropic/claude-haiku-5-5',
      providers: new Map([
        ['anthropic', { kind: 'anthropic', apiKey: 'sk', baseUrl: 'http://127.0.0.1:1' }],
        [
          'openai',
          {
            kind: 'openai',
            apiKey: 'so',
            baseUrl: 'http://127.0.0.1:2',
            azureApiVersion: undefined,
            outputLimit: 'max_completion_tokens',
          },
        ],
      ]),
      models: new Map(),
      cassette: { mode: 'record', file: '/data/cassette.jsonl' },
      adminKeyFile: '/run/key',
      drainMs: 5_000,
      databaseConnections: 4,
      retentionDays: 7,
      logLevel: 'debug',
    })
  })

  it('names the setting that is wrong and says what would be right', () => {
    assert.equal(refusal({ DEED_PORT: '70000' }), 'DEED_PORT must be a whole number from 0 to 65535, not "70000"')
    for (const port of ['-1', '1e3', '0x10', '80.5', 'abc', 'NaN'])
      assert.match(refusal({ DEED_PORT: port }), /^DEED_PORT/)
    assert.match(refusal({ DEED_DRAIN_SECONDS: '1h' }), /^DEED_DRAIN_SECONDS must be a whole number from 0 to 3600/)
    assert.match(refusal({ DEED_DATABASE_CONNECTIONS: '1' }), /^DEED_DATABASE_CONNECTIONS .* from 2 to 1000/)
    assert.match(refusal({ DEED_LOG_LEVEL: 'loud' }), /^DEED_LOG_LEVEL must be one of fatal, error, warn/)
    assert.match(refusal({ ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: 'x' }), /^ANTHROPIC_BASE_URL must be a URL/)
    assert.match(refusal({ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'x' }), /^OPENAI_BASE_URL must be a URL/)
    assert.equal(
      refusal({ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://u:secret@x' }),
      'OPENAI_BASE_URL must not hold a user or a password',
    )
    for (const key of ['sk-one\nsk-two', 'sk-one two', 'sk-ключ']) {
      assert.equal(
        refusal({ ANTHROPIC_API_KEY: key }),
        'ANTHROPIC_API_KEY must be a key: visible ASCII characters in one line',
      )
    }
  })

  it('wants a cassette and its file together', () => {
    assert.match(refusal({ DEED_CASSETTE: 'play' }), /^DEED_CASSETTE must be record or replay, not "play"$/)
    assert.match(refusal({ DEED_CASSETTE: 'replay' }), /^DEED_CASSETTE needs DEED_CASSETTE_FILE/)
    assert.match(refusal({ DEED_CASSETTE_FILE: 'x' }), /^DEED_CASSETTE_FILE needs DEED_CASSETTE/)
  })

  it('does not repeat a database URL, which may hold a password', () => {
    const message = refusal({ DATABASE_URL: 'mysql://deed:hunter2@db' })
    assert.match(message, /^DATABASE_URL must be a URL that starts with postgres:\/\/ or postgresql:\/\/$/)
  })
})

describe('the model', () => {
  it('is the one that is named, else Claude when there is a key, else keywords with the embedded database', () => {
    assert.equal(readServerConfig({ DATABASE_URL: database, DEED_MODEL: 'local/keywords' }).model, 'local/keywords')
    assert.equal(readServerConfig({ ANTHROPIC_API_KEY: 'k', DEED_MODEL: 'local/keywords' }).model, 'local/keywords')
    assert.match(readServerConfig({ ANTHROPIC_API_KEY: 'k' }).model, /^anthropic\/claude-sonnet-/)
    assert.match(readServerConfig({ ANTHROPIC_API_KEY: 'k', DATABASE_URL: database }).model, /^anthropic\//)
    assert.equal(readServerConfig({}).model, 'local/keywords')
  })

  it('needs no key where a cassette is replayed', () => {
    const replay = { DATABASE_URL: database, DEED_CASSETTE: 'replay', DEED_CASSETTE_FILE: 'x' }
    assert.match(readServerConfig(replay).model, /^anthropic\/claude-sonnet-/)
    assert.equal(readServerConfig({ ...replay, DEED_MODEL: 'anthropic/other' }).model, 'anthropic/other')
  })

  it("has no default with a database of one's own and no key", () => {
    assert.match(
      refusal({ DATABASE_URL: database }),
      /no model to answer with: set ANTHROPIC_API_KEY, or set DEED_MODEL/,
    )
  })

  it('must be one that this server can ask', () => {
    assert.match(refusal({ DEED_MODEL: 'anthropic/claude-haiku-5-5' }), /needs ANTHROPIC_API_KEY/)
    assert.match(refusal({ DEED_MODEL: 'openai/gpt-5.4', ANTHROPIC_API_KEY: 'k' }), /needs OPENAI_API_KEY/)
    assert.equal(readServerConfig({ DEED_MODEL: 'openai/gpt-5.4', OPENAI_API_KEY: 'k' }).model, 'openai/gpt-5.4')
    for (const model of ['vllm/a', 'keywords', 'local/other', 'anthropic/', 'anthropic/a b']) {
      assert.match(
        refusal({ DEED_MODEL: model, ANTHROPIC_API_KEY: 'k' }),
        /^DEED_MODEL must be local\/keywords, or anthr/,
      )
    }
  })

  it('has no default for a key of OpenAI alone, whose models have no name that stays', () => {
    assert.equal(readServerConfig({ OPENAI_API_KEY: 'k' }).model, 'local/keywords')
    assert.match(refusal({ OPENAI_API_KEY: 'k', DATABASE_URL: database }), /no model to answer with/)
  })
})

describe('DEED_MODELS', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deed-config-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('names a file, whose providers DEED_MODEL may name', async () => {
    const path = join(folder, 'models.yaml')
    await writeFile(
      path,
      'providers:\n  vllm: { kind: openai, base_url: "http://127.0.0.1:8000/v1", api_key_env: VLLM_KEY }\n',
    )
    const { providers, model } = readServerConfig({ DEED_MODELS: path, VLLM_KEY: 'v', DEED_MODEL: 'vllm/org/name' })
    const vllm = providers.get('vllm')
    assert.deepEqual([model, vllm?.kind, vllm?.apiKey], ['vllm/org/name', 'openai', 'v'])
    assert.equal(
      refusal({ DEED_MODELS: path }),
      `DEED_MODELS: ${path}:2:76: providers.vllm.api_key_env needs the environment variable VLLM_KEY, which is not set`,
    )
  })

  it('must name a file that can be read', () => {
    const path = join(folder, 'missing.yaml')
    assert.equal(refusal({ DEED_MODELS: path }), `DEED_MODELS: cannot read ${path} (ENOENT)`)
  })
})

describe('readClientConfig', () => {
  it('finds the server that was started in the same environment', () => {
    const keyFile = '.deed/admin.key'
    assert.deepEqual(readClientConfig({}), { address: '127.0.0.1:50051', key: undefined, keyFile })
    assert.equal(readClientConfig({ DEED_HOST: '0.0.0.0', DEED_PORT: '7' }).address, '127.0.0.1:7')
    assert.equal(readClientConfig({ DEED_HOST: '::' }).address, '[::1]:50051')
    assert.equal(readClientConfig({ DEED_HOST: 'fe80::1' }).address, '[fe80::1]:50051')
    assert.equal(readClientConfig({ DEED_DATA_DIR: '/data' }).keyFile, '/data/admin.key')
    assert.equal(readClientConfig({ DEED_ADMIN_KEY_FILE: '/run/key', DEED_DATA_DIR: '/data' }).keyFile, '/run/key')
  })

  it('takes DEED_ADDRESS and DEED_KEY', () => {
    const env = { DEED_ADDRESS: 'deed.internal:443', DEED_KEY: 'k', DEED_PORT: 'nonsense', DATABASE_URL: 'nonsense' }
    assert.deepEqual(readClientConfig(env), { address: 'deed.internal:443', key: 'k', keyFile: '.deed/admin.key' })
    assert.equal(readClientConfig({ DEED_ADDRESS: '[::1]:1' }).address, '[::1]:1')
  })

  it('refuses an address that is none', () => {
    for (const address of ['localhost', ':50051', 'http://localhost:1', 'a:0', 'a:70000', '::1:5']) {
      assert.match(refusal({ DEED_ADDRESS: address }, readClientConfig), /^DEED_ADDRESS must be host:port, such as/)
    }
  })
})

describe('readStorageConfig', () => {
  it('needs no model', () => {
    assert.deepEqual(readStorageConfig({ DATABASE_URL: database }), { dataDir: '.deed', databaseUrl: database })
  })
})
