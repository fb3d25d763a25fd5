import assert from 'node:assert/strict'
import { CompletionOutcome } from '../../gen/deed/v1/operation.ts'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import { createOpenAi } from '../../src/models/providers/openai.ts'
import { FakeOpenAI, type Script } from '../support/fake-openai.ts'
import { type ContractClient, startDeed, type TestDeed } from '../support/server.ts'
import { openStream } from '../support/stream.ts'

const models = ['openai/gpt-5', 'azure/gpt-5']
/** In micro-dollars per million tokens, as the file of models has them: $1.25 in, $10 out, $0.125 read from the cache. */
const price = { from: -Infinity, input: 1_250_000, output: 10_000_000, cacheRead: 125_000, cacheWrite: 0 }
const cached = { prompt_tokens: 3_007, completion_tokens: 5, cached_tokens: 3_000 }

/** Outcome; tokens in, out, read from the cache; micro-dollars. Undefined where the answer is broken off before it tells. */
type Row = [outcome: string, input: number, output: number, read: number, micro: bigint] | [outcome: string, undefined]

const rows: readonly [what: string, script: Script, row: Row][] = [
  ['a whole answer', {}, ['VALID', 100, 20, 0, 325n]],
  ['a whole answer, read from the cache', { usage: cached }, ['VALID', 7, 5, 3_000, 434n]],
  ['a fraction of a micro-dollar', { usage: { prompt_tokens: 1, completion_tokens: 0 } }, ['VALID', 1, 0, 0, 2n]],
  ['the limit of tokens', { stop: 'limit' }, ['TRUNCATED', 100, 20, 0, 325n]],
  ['the limit of tokens, read from the cache', { stop: 'limit', usage: cached }, ['TRUNCATED', 7, 5, 3_000, 434n]],
  ['a refusal', { stop: 'refusal' }, ['REFUSED', 100, 20, 0, 325n]],
  ['a refusal, read from the cache', { stop: 'refusal', usage: cached }, ['REFUSED', 7, 5, 3_000, 434n]],
  ['an error instead of an answer', { status: 529 }, ['FAILED', 0, 0, 0, 0n]],
  ['a request that the vendor rejects', { status: 400 }, ['FAILED', 0, 0, 0, 0n]],
  ['a broken connection', { cut: 'connection' }, ['FAILED', undefined]],
  ['a body without an end', { cut: 'body', usage: cached }, ['FAILED', undefined]],
  ['a malformed chunk', { malformed: true }, ['FAILED', undefined]],
]

describe('what a completion of the Chat Completions API costs', () => {
  const stack = new AsyncDisposableStack()
  let script: Script = {}
  let deed: TestDeed
  let contract: ContractClient

  before(async () => {
    const fake = stack.use(await new FakeOpenAI({ respond: () => script }).start())
    const providers = new Map([
      ['openai', createOpenAi({ apiKey: 'key', baseUrl: fake.url })],
      ['azure', createOpenAi({ apiKey: 'key', baseUrl: fake.origin, azureApiVersion: '2024-10-21' })],
    ])
    const settings = new Map(models.map((model) => [model, { prices: [price] }]))
    deed = stack.use(await startDeed(providers, { models: settings }))
    contract = await deed.publish({ 'test/cost/v1/cost.proto': source })
  })
  after(() => stack.disposeAsync())

  for (const [index, model] of models.entries()) {
    for (const method of [`Unary${index}`, `Stream${index}`]) {
      it(`of ${model}, ${method.startsWith('Unary') ? 'unary' : 'as a stream'}, is exact to the micro-dollar`, async () => {
        for (const [what, scripted, row] of rows) {
          const json = method.startsWith('Unary') ? { text: 'some words' } : { items: [{ text: 'some words' }] }
          script = { json, ...scripted }
          const completion = await completionOf(method)
          const { outcome, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, costMicroUsd } = completion
          const [name = ''] = Object.entries(CompletionOutcome).find(([, value]) => value === outcome) ?? []
          const [ended, ...told] = row
          assert.equal(name, `COMPLETION_OUTCOME_${ended}`, what)
          if (told[0] !== undefined)
            assert.deepEqual([inputTokens, outputTokens, cacheReadTokens, costMicroUsd], told, what)
          assert.equal(costMicroUsd, costOf(inputTokens, outputTokens, cacheReadTokens), what)
          assert.equal(cacheWriteTokens, 0, what)
        }
      })
    }
  }

  async function completionOf(method: string) {
    const call = openStream(deed.client, contract.path(method), { key: contract.key })
    call.send(contract.encode(method, { text: 'a text' }))
    call.end()
    await call.rest()
    const said = method.startsWith('Stream') ? await call.headers : (await call.ended).trailers
    const name = said['deed-operation'] ?? ''
    const { response } = await deed.call(OperationServiceService.getOperation, { name })
    const [completion, ...others] = response.operation?.completions ?? []
    assert.ok(completion && others.length === 0)
    return completion
  }
})

/** In integers: millionths of micro-dollars, rounded up at the end. */
function costOf(input: number, output: number, read: number): bigint {
  const millionths = input * price.input + output * price.output + read * price.cacheRead
  return BigInt(Math.ceil(millionths / 1_000_000))
}

const methods = models.flatMap((model, index) => {
  const options = `{ option (deed.v1.method) = {models: ["${model}"]}; }`
  return [
    `rpc Unary${index}(Text) returns (Text) ${options}`,
    `rpc Stream${index}(Text) returns (stream Text) ${options}`,
  ]
})

const source = `
syntax = "proto3"; package test.cost.v1;
import "deed/v1/annotations.proto";
service CostService {
  option (deed.v1.service) = {max_failures: 1, max_repairs: 0};
  ${methods.join('\n  ')}
}
message Text { string text = 1; }
`
