import assert from 'node:assert/strict'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import type { Method } from '../../src/contracts/method.ts'
import { answer } from '../../src/models/answer.ts'
import { complete } from '../../src/models/completion.ts'
import type { CompletionRecord } from '../../src/models/completion-record.ts'
import { estimatedUsage } from '../../src/models/estimate.ts'
import { type CompletionEvent, NO_USAGE } from '../../src/models/provider.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { Models } from '../../src/models/routing/models.ts'
import { responseSchema } from '../../src/models/schema.ts'
import { FakeAnthropic, type Script } from '../support/fake-anthropic.ts'
import { methodOf, requestOf } from '../support/methods.ts'
import { gate } from '../support/scripted.ts'

const source = (model: string) => `
syntax = "proto3";
package test.v1;
import "deed/v1/annotations.proto";
service S { rpc M(Req) returns (Res) { option (deed.v1.method) = {models: ["${model}"], max_repairs: 0}; } }
message Req { string text = 1; }
message Res { string text = 1; }
`
const sonnet = 'anthropic/claude-sonnet-4-5'

/** 43 bytes, of which 22 are written when the fake cuts its answer off: 6 tokens. */
const json = { text: 'a sentence of just so many bytes' }
const cached = { input_tokens: 7, output_tokens: 5, cache_read_input_tokens: 3_000, cache_creation_input_tokens: 0 }
const written = { ...cached, cache_read_input_tokens: 0, cache_creation_input_tokens: 2_000 }

/** Outcome; tokens in, out, read from the cache, written to it; micro-dollars; whether it is an estimate. */
type Row = [CompletionRecord['outcome'], number, number, number, number, bigint | undefined, boolean]

/** By hand, from $3 in, $15 out, $0.30 read and $3.75 written per million tokens. */
const rows: readonly [what: string, model: string, script: Script, row: Row][] = [
  ['a whole answer', sonnet, { json }, ['VALID', 100, 20, 0, 0, 600n, false]],
  ['a whole answer, read from the cache', sonnet, { json, usage: cached }, ['VALID', 7, 5, 3_000, 0, 996n, false]],
  ['a whole answer, written to the cache', sonnet, { json, usage: written }, ['VALID', 7, 5, 0, 2_000, 7_596n, false]],
  [
    'a fraction of a micro-dollar',
    sonnet,
    { json, usage: { ...cached, cache_read_input_tokens: 1 } },
    ['VALID', 7, 5, 1, 0, 97n, false],
  ],
  ['an answer that breaks the contract', sonnet, { json: { number: 1 } }, ['INVALID', 100, 20, 0, 0, 600n, false]],
  [
    'the limit of tokens',
    sonnet,
    { json, stopReason: 'max_tokens', usage: cached },
    ['TRUNCATED', 7, 5, 3_000, 0, 996n, false],
  ],
  ['a refusal', sonnet, { json, stopReason: 'refusal', usage: written }, ['REFUSED', 7, 5, 0, 2_000, 7_596n, false]],
  ['a broken connection', sonnet, { json, cut: 'connection' }, ['FAILED', 100, 6, 0, 0, 390n, true]],
  ['a body without an end', sonnet, { json, cut: 'body' }, ['FAILED', 100, 6, 0, 0, 390n, true]],
  [
    'a body without an end, read from the cache',
    sonnet,
    { json, cut: 'body', usage: cached },
    ['FAILED', 7, 6, 3_000, 0, 1_011n, true],
  ],
  [
    'a body without an end, written to the cache',
    sonnet,
    { json, cut: 'body', usage: written },
    ['FAILED', 7, 6, 0, 2_000, 7_611n, true],
  ],
  ['a malformed chunk', sonnet, { json, malformed: true }, ['FAILED', 100, 6, 0, 0, 390n, true]],
  [
    'an error in the middle',
    sonnet,
    { json, errorEvent: 'overloaded_error', usage: cached },
    ['FAILED', 7, 6, 3_000, 0, 1_011n, true],
  ],
  ['an error instead of an answer', sonnet, { status: 529 }, ['FAILED', 0, 0, 0, 0, 0n, false]],
  ['a request that the vendor rejects', sonnet, { status: 400 }, ['FAILED', 0, 0, 0, 0, 0n, false]],
  ['a model without a price', 'anthropic/claude-next', { json }, ['VALID', 100, 20, 0, 0, undefined, false]],
  [
    'a model without a price, cut off',
    'anthropic/claude-next',
    { json, cut: 'body' },
    ['FAILED', 100, 6, 0, 0, undefined, true],
  ],
]

describe('the row of the ledger for', () => {
  const methods = new Map<string, Method>()

  before(async () => {
    for (const model of [sonnet, 'anthropic/claude-next']) methods.set(model, await methodOf(source(model)))
  })

  for (const [what, model, script, row] of rows) {
    it(`${what} (${model})`, async () => {
      await using fake = await new FakeAnthropic({ respond: () => script }).start()
      const method = methods.get(model)
      assert(method)
      const providers = new Map([['anthropic', createAnthropic({ apiKey: 'key', baseUrl: fake.url })]])
      const options = { models: new Models({ providers }), defaultModel: '' }
      const { completions } = await answer(method, requestOf(method), options, ROOT_CONTEXT, AbortSignal.timeout(5_000))
      const told = completions.map(({ outcome, usage, costMicroUsd, usageEstimated }) => [
        ...[outcome, usage.inputTokens, usage.outputTokens, usage.cacheReadTokens, usage.cacheWriteTokens],
        ...[costMicroUsd, usageEstimated],
      ])
      assert.deepEqual(told, [row])
    })
  }

  it('a provider that does not stop when it is told to', async () => {
    const method = methods.get(sonnet)
    assert(method)
    const silent = gate<never>()
    const begun = gate()
    async function* provider(): AsyncGenerator<CompletionEvent> {
      yield { kind: 'text', text: 'nine byte' }
      begun.resolve()
      yield await silent.promise
    }
    const controller = new AbortController()
    const request = {
      ...{ system: 'twelve bytes', turns: [], schema: responseSchema(method) },
      maxOutputTokens: 9,
      method,
    }
    const asked = { ...request, request: requestOf(method) }
    const model = new Models({ providers: new Map([['anthropic', provider]]) }).get(sonnet)
    assert(model)
    const completed = complete(model, asked, ROOT_CONTEXT, controller.signal, true)
    await begun.promise
    controller.abort()
    const { end, usage, usageEstimated } = await completed
    assert.deepEqual(
      [end.kind, usage, usageEstimated],
      ['aborted', { ...NO_USAGE, inputTokens: 3, outputTokens: 3 }, true],
    )
  })
})

describe('estimatedUsage', () => {
  const asked = { system: 'eight by', turns: [{ role: 'user', text: 'cé' }] as const }

  it('takes a token for each four bytes, rounded up, where the provider told less', () => {
    const told = { inputTokens: 0, outputTokens: 1, cacheReadTokens: 9, cacheWriteTokens: 0 }
    assert.deepEqual(estimatedUsage(asked, told, ['é', 'abc']), {
      usage: { ...told, outputTokens: 2 },
      usageEstimated: true,
    })
    assert.equal(estimatedUsage(asked, { ...told, outputTokens: 3 }, ['abc']).usage.outputTokens, 3)
  })

  it('estimates the input too when none was told', () => {
    assert.deepEqual(estimatedUsage(asked, NO_USAGE, ['abc']).usage, { ...NO_USAGE, inputTokens: 3, outputTokens: 1 })
  })

  it('adds nothing to what was told when there is no text', () => {
    const told = { ...NO_USAGE, inputTokens: 5 }
    assert.deepEqual(estimatedUsage(asked, told, []), { usage: told, usageEstimated: false })
  })
})
