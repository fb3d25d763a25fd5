import assert from 'node:assert/strict'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import type { Provider } from '../../src/models/provider.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { createOpenAi } from '../../src/models/providers/openai.ts'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { FakeOpenAI } from '../support/fake-openai.ts'
import { type ContractClient, startDeed, type TestDeed } from '../support/server.ts'

const caches = true

/** Each vendor with a model; what it lists for a token, in micro-dollars; and whether it bills what it writes to its cache. */
const vendors = [
  {
    model: 'anthropic/claude-sonnet-5-5',
    price: { input: 2, output: 10, cacheRead: 0.1, cacheWrite: 2.5 },
    writes: true,
    async start() {
      const fake = await new FakeAnthropic({ caches, respond: () => ({ json: { text: 'an answer' } }) }).start()
      return { fake, provider: createAnthropic({ apiKey: 'key', baseUrl: fake.url }) }
    },
  },
  {
    model: 'openai/gpt-5',
    price: { input: 1.25, output: 10, cacheRead: 0.125, cacheWrite: 0 },
    writes: false,
    async start() {
      const fake = await new FakeOpenAI({ caches, respond: () => ({ json: { text: 'an answer' } }) }).start()
      return { fake, provider: createOpenAi({ apiKey: 'key', baseUrl: fake.url }) }
    },
  },
]

/** What the file of models says of those whose prices Deed does not know. */
const settings = new Map([
  [
    'openai/gpt-5',
    { prices: [{ from: -Infinity, input: 1_250_000, output: 10_000_000, cacheRead: 125_000, cacheWrite: 0 }] },
  ],
])

describe('the prompt cache', () => {
  const stack = new AsyncDisposableStack()
  const providers = new Map<string, Provider>()
  let deed: TestDeed
  let contract: ContractClient

  before(async () => {
    for (const { model, start } of vendors) {
      const { fake, provider } = await start()
      stack.use(fake)
      providers.set(model.split('/')[0] ?? '', provider)
    }
    deed = stack.use(await startDeed(providers, { models: settings }))
    contract = await deed.publish({ 'test/cache/v1/cache.proto': source })
  })
  after(() => stack.disposeAsync())

  async function completionOf(method: string, text: string) {
    const { trailers } = await contract.call(method, { text })
    const { response } = await deed.call(OperationServiceService.getOperation, {
      name: trailers['deed-operation'] ?? '',
    })
    const [completion] = response.operation?.completions ?? []
    assert.ok(completion)
    return completion
  }

  for (const [index, { model, price, writes }] of vendors.entries()) {
    it(`of ${model} holds the fixed part from the first call on, and the ledger says so`, async () => {
      const first = await completionOf(`Cache${index}`, 'one request')
      const second = await completionOf(`Cache${index}`, 'another, longer request')
      assert.equal(first.cacheReadTokens, 0)
      assert.equal(first.cacheWriteTokens > 1_024, writes)
      const fixed = writes ? first.cacheWriteTokens : second.cacheReadTokens
      assert.ok(fixed > 1_024)
      assert.deepEqual([second.cacheReadTokens, second.cacheWriteTokens], [fixed, 0])
      for (const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, costMicroUsd } of [first, second]) {
        const cost =
          inputTokens * price.input +
          outputTokens * price.output +
          cacheReadTokens * price.cacheRead +
          cacheWriteTokens * price.cacheWrite
        assert.equal(costMicroUsd, BigInt(Math.ceil(Number(cost.toFixed(6)))))
      }
      assert.ok(second.inputTokens < 100)
    })
  }
})

/** Vendors cache no less than 1,024 tokens. */
const instructions = 'Repeat the text, word for word, in the language in which it is written. '.repeat(80)

const source = `
syntax = "proto3"; package test.cache.v1;
import "deed/v1/annotations.proto";
service CacheService {
  option (deed.v1.service) = {instructions: "${instructions}"};
  ${vendors.map(({ model }, index) => `rpc Cache${index}(Text) returns (Text) { option (deed.v1.method) = {models: ["${model}"]}; }`).join('\n  ')}
}
message Text { string text = 1; }
`
