import assert from 'node:assert/strict'
import type { ProviderConfig } from '../../src/config/model-settings.ts'
import { readModelsFile } from '../../src/config/models-file.ts'
import { column, readDocuments, tableUnder } from '../support/markdown.ts'

const env: Readonly<Record<string, string>> = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'o', AZURE_KEY: 'z' }

const given = new Map<string, ProviderConfig>([['anthropic', { kind: 'anthropic', apiKey: 'a', baseUrl: undefined }]])

const read = (text: string) => readModelsFile('models.yaml', text, (name) => env[name], given)

function refusal(text: string): string {
  try {
    read(text)
    assert.fail(`it was not refused: ${text}`)
  } catch (error) {
    assert.ok(error instanceof Error)
    assert.ok(!error.message.includes('\n'))
    return error.message
  }
}

describe('the file of DEED_MODELS', () => {
  it('sets up providers and models', () => {
    const { providers, models } = read(`
providers:
  openai: { kind: openai }
  azure:
    kind: openai
    base_url: https://name.openai.azure.com
    api_key_env: AZURE_KEY
    azure_api_version: 2024-10-21
  ollama: { kind: openai, base_url: "http://127.0.0.1:11434/v1", output_limit: max_tokens }
models:
  anthropic/claude-sonnet-5-5:
    limits: { requests_per_minute: 4000, concurrency: 50 }
  openai/gpt-5.4:
    prices:
      - { input: 2.5, output: 15 }
      - { from: 2026-07-01, input: 1.25, output: 10, cache_read: 0.125, cache_write: 0 }
    limits: &shared { tokens_per_minute: 400000 }
    timeouts: { first_token: 20s, completion: 5m }
    structured_output: json_object
    effort: true
  ollama/llama3.2:3b:
    limits: *shared
`)
    assert.deepEqual(Object.fromEntries(providers), {
      anthropic: { kind: 'anthropic', apiKey: 'a', baseUrl: undefined },
      openai: {
        kind: 'openai',
        apiKey: 'o',
        baseUrl: undefined,
        azureApiVersion: undefined,
        outputLimit: 'max_completion_tokens',
      },
      azure: {
        kind: 'openai',
        apiKey: 'z',
        baseUrl: 'https://name.openai.azure.com',
        azureApiVersion: '2024-10-21',
        outputLimit: 'max_completion_tokens',
      },
      ollama: {
        kind: 'openai',
        apiKey: undefined,
        baseUrl: 'http://127.0.0.1:11434/v1',
        azureApiVersion: undefined,
        outputLimit: 'max_tokens',
      },
    })
    assert.deepEqual(Object.fromEntries(models), {
      'anthropic/claude-sonnet-5-5': {
        limits: { requestsPerMinute: 4000, tokensPerMinute: null, concurrency: 50 },
        dialect: {},
      },
      'openai/gpt-5.4': {
        prices: [
          { from: -Infinity, input: 2_500_000, output: 15_000_000, cacheRead: 2_500_000, cacheWrite: 2_500_000 },
          { from: Date.UTC(2026, 6, 1), input: 1_250_000, output: 10_000_000, cacheRead: 125_000, cacheWrite: 0 },
        ],
        limits: { requestsPerMinute: null, tokensPerMinute: 400_000, concurrency: null },
        firstTokenMs: 20_000,
        completionMs: 300_000,
        dialect: { structuredOutput: 'json_object', effort: true },
      },
      'ollama/llama3.2:3b': {
        limits: { requestsPerMinute: null, tokensPerMinute: 400_000, concurrency: null },
        dialect: {},
      },
    })
  })

  it('is as docs/models.md has it', async () => {
    const document = (await readDocuments()).get('docs/models.md')
    const files = document?.blocks.filter(({ info }) => info === 'yaml') ?? []
    const key = () => 'a key'
    const all = files.map(({ text }) => readModelsFile('docs/models.md', text, key, given))
    assert.deepEqual(
      all.map(({ providers, models }) => [providers.size, models.size]),
      [
        [2, 2],
        [6, 3],
      ],
    )
    const options = [...column(tableUnder(document, 'The file', 'of a provider'), 'of a provider')]
    options.push(...column(tableUnder(document, 'The file', 'of a model'), 'of a model'))
    for (const text of ['providers:\n  a: { x: 1 }', 'models:\n  anthropic/a: { x: 1 }']) {
      const known = refusal(text)
        .replace(/.* is not known: | may stand here/g, '')
        .split(/, | or /)
      assert.deepEqual(options.splice(0, known.length), known)
    }
  })

  it('takes a file that says something else of a provider that the environment sets up', () => {
    const { providers } = read('providers: { anthropic: { kind: anthropic, base_url: "http://proxy" } }')
    assert.deepEqual(providers.get('anthropic'), { kind: 'anthropic', apiKey: 'a', baseUrl: 'http://proxy' })
  })

  it('reads thousands of models without comparing each with each', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `  anthropic/m${index}: {}\n`)
    const started = performance.now()
    assert.equal(read(`models:\n${names.join('')}`).models.size, names.length)
    const ms = performance.now() - started
    assert.ok(ms < 10_000, `${ms} ms`)
  })

  it('refuses what is wrong, with its place and what would be right', () => {
    for (const [text, message] of [
      ['', '1:1: the file must be a mapping'],
      ['- a', '1:1: the file must be a mapping'],
      ['models: [', '1:10: Flow sequence in block collection must be sufficiently indented and end with a ]'],
      ['modles: {}', '1:1: modles is not known: providers or models may stand here'],
      ['models:\n  anthropic/a: {}\n  anthropic/a: {}', '3:3: models.anthropic/a is given twice'],
      ['providers: 5', '1:12: providers must be a mapping'],
      ['providers:\n  My: {}', '2:3: providers.My must be named by small letters, digits and hyphens'],
      ['providers:\n  local: {}', '2:3: providers.local cannot be set: local/… runs in Deed itself'],
      ['providers:\n  a: {}', '2:6: providers.a lacks kind: anthropic or openai'],
      ['providers:\n  a:\n    kind: gemini', '3:11: providers.a.kind must be anthropic or openai'],
      [
        'providers:\n  a:\n    kind: openai\n    key: x',
        '4:5: providers.a.key is not known: kind, base_url, api_key_env, azure_api_version or output_limit may stand here',
      ],
      [
        'providers:\n  a:\n    kind: openai\n    base_url: ftp://x:secret@y',
        '4:15: providers.a.base_url must be a URL that starts with http:// or https://',
      ],
      [
        'providers:\n  a:\n    kind: openai\n    base_url: https://x:secret@y',
        '4:15: providers.a.base_url must not hold a user or a password',
      ],
      [
        'providers:\n  a:\n    kind: openai\n    api_key_env: NOPE',
        '4:18: providers.a.api_key_env needs the environment variable NOPE, which is not set',
      ],
      [
        'providers:\n  a:\n    kind: openai\n    api_key_env: sk-secret',
        '4:18: providers.a.api_key_env needs the environment variable that it names, which is not set',
      ],
      [
        'providers:\n  a:\n    kind: openai\n    azure_api_version: "1"',
        '4:24: providers.a.azure_api_version needs base_url and api_key_env beside it',
      ],
      [
        'providers:\n  a:\n    kind: anthropic\n    output_limit: max_tokens',
        '4:19: providers.a.output_limit may stand with kind openai only',
      ],
      ['models: {}\n---\nmodels: {}', '2:1: a second document begins: one is all there may be'],
      ['models:\n  "a\\nb": {}', '2:3: models.a\\nb must be named provider/name'],
      [`models:${' '.repeat(1024 * 1024)}`, '1:1: has more than 1048576 characters'],
      ['models:\n  gpt: {}', '2:3: models.gpt must be named provider/name'],
      ['models:\n  local/keywords: {}', '2:3: models.local/keywords cannot be set: it runs in Deed itself'],
      [
        'models:\n  vllm/a: {}',
        '2:3: models.vllm/a is of the provider vllm, which is not under providers (there: anthropic)',
      ],
      [
        'models:\n  anthropic/a:\n    limit: {}',
        '3:5: models.anthropic/a.limit is not known: prices, limits, timeouts, structured_output or effort may stand here',
      ],
      [
        'models:\n  anthropic/a:\n    limits: { concurrency: 0 }',
        '3:28: models.anthropic/a.limits.concurrency must be a whole number from 1 to 100000',
      ],
      [
        'models:\n  anthropic/a:\n    limits: { tokens_per_minute: 1.5 }',
        '3:34: models.anthropic/a.limits.tokens_per_minute must be a whole number from 1 to 1000000000',
      ],
      [
        'models:\n  anthropic/a:\n    timeouts: { first_token: 30 }',
        '3:30: models.anthropic/a.timeouts.first_token must be text',
      ],
      [
        'models:\n  anthropic/a:\n    timeouts: { completion: 1h }',
        '3:29: models.anthropic/a.timeouts.completion must be a time such as 30s or 10m',
      ],
      ['models:\n  anthropic/a:\n    effort: high', '3:13: models.anthropic/a.effort must be true or false'],
      [
        'models:\n  anthropic/a:\n    structured_output: xml',
        '3:24: models.anthropic/a.structured_output must be json_schema, json_object or none',
      ],
      ['models:\n  anthropic/a:\n    prices: 3', '3:13: models.anthropic/a.prices must be a list'],
      [
        'models:\n  anthropic/a:\n    prices:\n      - input: 3',
        '4:9: models.anthropic/a.prices[0] lacks input or output: dollars per million tokens',
      ],
      [
        'models:\n  anthropic/a:\n    prices:\n      - { input: -3, output: 1 }',
        '4:18: models.anthropic/a.prices[0].input must be a number from 0 to 1000000',
      ],
      [
        'models:\n  anthropic/a:\n    prices:\n      - { from: 2026-02-31, input: 3, output: 1 }',
        '4:17: models.anthropic/a.prices[0].from must be a day, such as 2026-01-31',
      ],
      [
        'models:\n  anthropic/a:\n    prices:\n      - { from: 2026-02-01, input: 3, output: 1 }\n      - { from: 2026-02-01, input: 3, output: 1 }',
        '5:17: models.anthropic/a.prices[1].from is a second price from the same day on',
      ],
    ] as const) {
      assert.equal(refusal(text), `models.yaml:${message}`, text.slice(0, 200))
    }
  })
})
