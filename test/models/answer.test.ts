import assert from 'node:assert/strict'
import { fromBinary, toJson } from '@bufbuild/protobuf'
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import type { Method } from '../../src/contracts/method.ts'
import { type Answer, answer } from '../../src/models/answer.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { Models } from '../../src/models/routing/models.ts'
import { FakeAnthropic, type FakeRequest, type Script } from '../support/fake-anthropic.ts'
import { methodOf, requestOf } from '../support/methods.ts'

const SOURCE = `
syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
service S { rpc M(Req) returns (Res); }
message Req { string text = 1; }
message Res {
  string word = 1 [(buf.validate.field).string.min_len = 3];
  map<string, int64> counts = 2;
}
`

const MODEL = 'anthropic/claude-sonnet-5-5'
const OTHER = 'anthropic/claude-haiku-5-5'

describe('answer', () => {
  let method: Method
  before(async () => {
    method = await methodOf(SOURCE)
  })

  type Setting = { models?: string[]; maxRepairs?: number; context?: typeof ROOT_CONTEXT; signal?: AbortSignal }

  async function run(respond: (request: FakeRequest) => Script, setting: Setting = {}) {
    await using fake = await new FakeAnthropic({ respond }).start()
    const { models = [], maxRepairs = 2, context = ROOT_CONTEXT, signal = AbortSignal.timeout(10_000) } = setting
    const asked: Method = { ...method, policy: { ...method.policy, models, maxRepairs } }
    const providers = new Map([['anthropic', createAnthropic({ apiKey: 'key', baseUrl: fake.url })]])
    const options = { models: new Models({ providers }), defaultModel: MODEL }
    const result = await answer(asked, requestOf(method, { text: 'payload' }), options, context, signal)
    return { result, requests: fake.requests, outcomes: result.completions.map(({ outcome }) => outcome) }
  }

  function responseOf(result: Answer) {
    assert.equal(result.kind, 'response', result.kind === 'failure' ? result.error.message : '')
    if (result.kind !== 'response') return undefined
    return toJson(method.output, fromBinary(method.output, result.bytes))
  }

  function failureOf(result: Answer) {
    assert.equal(result.kind, 'failure')
    if (result.kind !== 'failure') throw new Error('no failure')
    assert.ok(!result.error.message.includes('payload'))
    return {
      reason: result.error.reason,
      retryable: result.retryable,
      retryAfterMs: result.retryAfterMs,
      error: result.error,
    }
  }

  it('gives a valid answer, and a row of the ledger', async () => {
    const { result } = await run(() => ({ json: { word: 'hello', counts: [{ key: 'a', value: '9007199254740993' }] } }))
    assert.deepEqual(responseOf(result), { word: 'hello', counts: { a: '9007199254740993' } })
    const [record] = result.completions
    assert.ok(record && record.latencyMs >= 0 && record.startTimeMs > 0)
    const { latencyMs, startTimeMs, ...rest } = record
    assert.deepEqual(rest, {
      sequence: 1,
      model: MODEL,
      outcome: 'VALID',
      usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 0, cacheWriteTokens: 0 },
      usageEstimated: false,
      costMicroUsd: 400n,
      providerRequestId: 'req_1',
    })
  })

  it('takes an answer in the form of protobuf JSON, or in a code fence', async () => {
    const { result } = await run(() => ({ text: '```json\n{"word": "hello", "counts": {"a": 1}}\n```' }))
    assert.deepEqual(responseOf(result), { word: 'hello', counts: { a: '1' } })
  })

  it('sends an invalid answer back with its violations', async () => {
    const { result, requests, outcomes } = await run(({ n }) => ({ json: { word: n === 1 ? 'x' : 'better' } }))
    assert.deepEqual(responseOf(result), { word: 'better' })
    assert.deepEqual(outcomes, ['INVALID', 'VALID'])
    const [, previous, repair] = requests[1]?.body.messages ?? []
    assert.equal(previous?.content, '{"word":"x"}')
    assert.match(repair?.content ?? '', /- word: /)
  })

  it('gives up after max_repairs', async () => {
    const { result, outcomes } = await run(() => ({ json: { word: 'x' } }), { maxRepairs: 1, models: [MODEL, OTHER] })
    const { reason, retryable, error } = failureOf(result)
    assert.equal(reason, 'ANSWER_INVALID')
    assert.equal(retryable, false)
    assert.equal(error.details.fieldViolations?.[0]?.field, 'word')
    assert.deepEqual(outcomes, ['INVALID', 'INVALID'])
  })

  for (const [name, text] of [
    ['no JSON', 'I would say: hello'],
    ['an unknown field', '{"word":"hello","extra":1}'],
    ['a field twice', '{"word":"hello","word":"other"}'],
    ['a map key twice', '{"word":"hello","counts":[{"key":"a","value":"1"},{"key":"a","value":"2"}]}'],
    ['the wrong type', '{"word":5}'],
    ['nothing', ' '],
    ['an array', '[]'],
    ['null', 'null'],
    ['a hundred thousand brackets', '['.repeat(100_000)],
  ] as const) {
    it(`refuses ${name}`, async () => {
      const { result } = await run(() => ({ text }), { maxRepairs: 0 })
      assert.equal(failureOf(result).reason, 'ANSWER_INVALID')
    })
  }

  it('repairs an answer that was cut off by the limit', async () => {
    const { result, outcomes, requests } = await run(({ n }) =>
      n === 1 ? { json: { word: 'long' }, stopReason: 'max_tokens' } : { json: { word: 'brief' } },
    )
    assert.deepEqual(responseOf(result), { word: 'brief' })
    assert.deepEqual(outcomes, ['TRUNCATED', 'VALID'])
    assert.match(requests[1]?.body.messages[2]?.content ?? '', /cut off at max_output_tokens/)
  })

  it('takes a refusal as final', async () => {
    const { result, outcomes } = await run(() => ({ stopReason: 'refusal' }), { models: [MODEL, OTHER] })
    assert.deepEqual([failureOf(result).reason, outcomes], ['MODEL_REFUSED', ['REFUSED']])
  })

  it('takes a rejected request as final', async () => {
    const { result, outcomes } = await run(() => ({ status: 413 }), { models: [MODEL, OTHER] })
    assert.deepEqual([failureOf(result).reason, outcomes], ['MODEL_REJECTED_REQUEST', ['FAILED']])
  })

  it('moves on from a model that fails', async () => {
    for (const status of [529, 404]) {
      const respond = ({ body }: FakeRequest) =>
        body.model === 'claude-sonnet-5-5' ? { status } : { json: { word: 'hello' } }
      const { result, outcomes } = await run(respond, { models: [MODEL, OTHER] })
      assert.equal(result.kind === 'response' && result.model, OTHER)
      assert.deepEqual(outcomes, ['FAILED', 'VALID'])
    }
  })

  it('asks no model whose breaker is open, and has no row of it', async () => {
    const respond = ({ body }: FakeRequest) =>
      body.model === 'claude-sonnet-5-5' ? { status: 529 } : { json: { word: 'hello' } }
    await using fake = await new FakeAnthropic({ respond }).start()
    const models = new Models({
      providers: new Map([['anthropic', createAnthropic({ apiKey: 'k', baseUrl: fake.url })]]),
    })
    let context = ROOT_CONTEXT
    const ask = (...names: string[]) => {
      const asked: Method = { ...method, policy: { ...method.policy, models: names } }
      const options = { models, defaultModel: MODEL }
      return answer(asked, requestOf(method), options, context, AbortSignal.timeout(10_000))
    }
    for (let n = 0; n < 5; n++) await ask(MODEL, OTHER)
    assert.equal(models.get(MODEL)?.breaker.state, 'open')
    const span = trace.wrapSpanContext({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: 1,
    })
    const events: unknown[] = []
    span.addEvent = (...event) => {
      events.push(event)
      return span
    }
    context = trace.setSpan(ROOT_CONTEXT, span)
    const passed = await ask(MODEL, OTHER)
    const attributes = { 'deed.model': MODEL, 'deed.breaker': 'open', 'deed.reason': 'its breaker is open' }
    assert.deepEqual(events, [['deed.model.skipped', attributes]])
    assert.deepEqual(
      passed.completions.map(({ model }) => model),
      [OTHER],
    )
    assert.equal(fake.requests.length, 11)
    const { reason, retryable, retryAfterMs, error } = failureOf(await ask(MODEL))
    assert.deepEqual([reason, retryable], ['MODELS_EXHAUSTED', true])
    assert.equal(error.message, `every model failed: ${MODEL}: its breaker is open`)
    assert.ok(retryAfterMs > 0 && retryAfterMs <= 5_000)
    assert.equal(fake.requests.length, 11)
  })

  it('is worth another attempt when a model was unavailable, after the wait it asked for', async () => {
    const respond = ({ n }: FakeRequest) => ({ status: n === 1 ? 429 : 401, headers: { 'retry-after': '3' } })
    const { result } = await run(respond, { models: [MODEL, OTHER] })
    const { reason, retryable, retryAfterMs, error } = failureOf(result)
    assert.deepEqual([reason, retryable, retryAfterMs], ['MODELS_EXHAUSTED', true, 3_000])
    assert.equal(
      error.message,
      `every model failed: ${MODEL}: the provider answered 429; ${OTHER}: the provider answered 401`,
    )
  })

  it('is worth no other attempt when no model can work', async () => {
    const { result } = await run(() => ({ status: 401 }), { models: [MODEL, 'openai/gpt'] })
    const { reason, retryable } = failureOf(result)
    assert.deepEqual([reason, retryable], ['MODELS_EXHAUSTED', false])
  })

  it('passes over a model whose provider is not configured, and says so when it is the only one', async () => {
    const reply = () => ({ json: { word: 'hello' } })
    assert.equal((await run(reply, { models: ['openai/gpt', MODEL] })).result.kind, 'response')
    const { result } = await run(reply, { models: ['openai/gpt'] })
    const { reason, error } = failureOf(result)
    assert.equal(reason, 'MODEL_NOT_CONFIGURED')
    assert.deepEqual(error.details.metadata, { model: 'openai/gpt' })
  })

  it('ends when the signal fires, with the ledger so far', async () => {
    const controller = new AbortController()
    const respond = ({ n }: FakeRequest): Script => {
      if (n === 1) return { json: { word: 'x' } }
      controller.abort()
      return { hang: true }
    }
    const { result, outcomes } = await run(respond, { signal: controller.signal })
    assert.equal(result.kind, 'aborted')
    assert.deepEqual(outcomes, ['INVALID', 'ABORTED'])
  })

  it('asks nobody when the signal has fired before', async () => {
    const { result, requests } = await run(() => ({}), { signal: AbortSignal.abort() })
    assert.deepEqual([result.kind, requests.length], ['aborted', 0])
  })

  it('passes the trace on to the vendor, without an OpenTelemetry SDK too', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const context = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: 'b7ad6b7169203331', traceFlags: 1 })
    const { requests } = await run(() => ({ json: { word: 'hello' } }), { context })
    assert.match(String(requests[0]?.headers['traceparent']), new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
  })

  it('answers from the schema alone', async () => {
    assert.deepEqual(responseOf((await run(() => ({}))).result), { word: 'some text' })
  })
})
