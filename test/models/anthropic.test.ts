import assert from 'node:assert/strict'
import type { Method } from '../../src/contracts/method.ts'
import { type CompletionEvent, type CompletionRequest, ModelError } from '../../src/models/provider.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { type JsonSchema, responseSchema } from '../../src/models/schema.ts'
import { FakeAnthropic, type FakeRequest, type Script } from '../support/fake-anthropic.ts'
import { methodOf, requestOf } from '../support/methods.ts'

const SOURCE = `
syntax = "proto3";
package test.v1;
service S { rpc M(Req) returns (Res); }
message Req { string text = 1; }
message Res { string word = 1; optional int32 number = 2; }
`

describe('anthropic', () => {
  let method: Method
  let request: CompletionRequest

  before(async () => {
    method = await methodOf(SOURCE)
    request = {
      model: 'claude-sonnet-5-5',
      system: 'Do it.',
      turns: [{ role: 'user', text: 'the request' }],
      schema: responseSchema(method),
      maxOutputTokens: 512,
      method,
      request: requestOf(method),
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    }
  })

  async function ask(script: Script, change: Partial<CompletionRequest> = {}, signal = AbortSignal.timeout(5_000)) {
    await using fake = await new FakeAnthropic({ respond: () => script }).start()
    const events: CompletionEvent[] = []
    const provider = createAnthropic({ apiKey: 'key', baseUrl: fake.url })
    for await (const event of provider({ ...request, ...change }, signal)) events.push(event)
    const text = events.map((event) => (event.kind === 'text' ? event.text : '')).join('')
    return { text, end: events.at(-1), sent: fake.requests[0] }
  }

  async function failure(script: Script, signal?: AbortSignal): Promise<ModelError> {
    try {
      await ask(script, {}, signal)
    } catch (error) {
      assert.ok(error instanceof ModelError, String(error))
      return error
    }
    throw new assert.AssertionError({ message: 'no failure' })
  }

  it('streams the answer, then its usage and request id', async () => {
    const usage = { input_tokens: 7, output_tokens: 5, cache_read_input_tokens: 3, cache_creation_input_tokens: 2 }
    const { text, end } = await ask({ json: { word: 'hello' }, usage })
    assert.equal(text, '{"word":"hello"}')
    assert.deepEqual(end, {
      kind: 'end',
      stop: 'complete',
      usage: { inputTokens: 7, outputTokens: 5, cacheReadTokens: 3, cacheWriteTokens: 2 },
      providerRequestId: 'req_1',
    })
  })

  it('sends schema, cached instructions, turns, limit, key and trace context', async () => {
    const { sent } = await ask({})
    assert.equal(sent?.headers['authorization'], 'Bearer key')
    assert.equal(sent?.headers['traceparent'], request.headers['traceparent'])
    assert.deepEqual(sent?.body, {
      model: 'claude-sonnet-5-5',
      max_tokens: 512,
      stream: true,
      system: [{ type: 'text', text: 'Do it.', cache_control: { type: 'ephemeral' } }],
      messages: [{ role: 'user', content: 'the request' }],
      output_config: { format: { type: 'json_schema', schema: request.schema } },
    })
  })

  it('tells the model a schema that the API would refuse', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `field${index}`)
    const properties = Object.fromEntries(names.map((name): [string, JsonSchema] => [name, { type: 'string' }]))
    const schema: JsonSchema = { type: 'object', properties, required: [], additionalProperties: false }
    const { sent } = await ask({ json: {} }, { schema })
    assert.equal(sent?.body.output_config, undefined)
    assert.match(sent?.body.system?.[0]?.text ?? '', /field24/)
    const bare = await ask({}, { schema: { type: 'string', description: 'JSON text' } })
    assert.equal(bare.sent?.body.output_config, undefined)
    assert.match(bare.sent?.body.system?.[0]?.text ?? '', /"JSON text"/)
  })

  it('sends effort to models that understand it, or are said to', async () => {
    const sent = async (model: string, change: Partial<CompletionRequest> = {}) =>
      (await ask({}, { model, effort: 'low', ...change })).sent?.body.output_config
    for (const model of ['claude-opus-5-5', 'claude-haiku-5-5', 'claude-sonnet-4-6', 'claude-opus-4-5-20251101']) {
      assert.deepEqual(await sent(model), { format: { type: 'json_schema', schema: request.schema }, effort: 'low' })
    }
    for (const model of [
      'claude-sonnet-4-5',
      'claude-haiku-4-5-20251001',
      'claude-opus-4-1',
      'claude-sonnet-4-20250514',
    ]) {
      assert.deepEqual(await sent(model), { format: { type: 'json_schema', schema: request.schema } })
    }
    assert.deepEqual(await sent('claude-next', { dialect: { effort: true, structuredOutput: 'none' } }), {
      effort: 'low',
    })
    assert.equal(await sent('claude-opus-5-5', { dialect: { effort: false, structuredOutput: 'none' } }), undefined)
  })

  it('rejects a request that does not fit the context window with its answer', async () => {
    const error = await failure({ stopReason: 'model_context_window_exceeded' })
    assert.deepEqual([error.kind, error.usage?.inputTokens], ['rejected', 100])
  })

  for (const [reason, stop] of [
    ['end_turn', 'complete'],
    ['max_tokens', 'truncated'],
    ['refusal', 'refused'],
  ] as const) {
    it(`ends ${stop} on ${reason}`, async () => {
      const { end } = await ask({ stopReason: reason })
      assert.equal(end?.kind === 'end' && end.stop, stop)
    })
  }

  for (const [status, kind] of [
    [400, 'rejected'],
    [401, 'misconfigured'],
    [403, 'misconfigured'],
    [404, 'misconfigured'],
    [408, 'unavailable'],
    [409, 'unavailable'],
    [413, 'rejected'],
    [422, 'rejected'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [529, 'unavailable'],
  ] as const) {
    it(`takes ${status} as ${kind}, without a second request`, async () => {
      await using fake = await new FakeAnthropic({ respond: () => ({ status }) }).start()
      const provider = createAnthropic({ apiKey: 'key', baseUrl: fake.url })
      const events = provider(request, AbortSignal.timeout(5_000))
      await assert.rejects(Array.fromAsync(events), (error) => {
        assert.ok(error instanceof ModelError)
        assert.equal(error.kind, kind)
        assert.equal(error.message, `the provider answered ${status}`)
        assert.equal(error.providerRequestId, 'req_error')
        return true
      })
      assert.equal(fake.requests.length, 1)
    })
  }

  it('keeps the wait that the vendor asks for', async () => {
    const wait = async (headers: Record<string, string>) => (await failure({ status: 429, headers })).retryAfterMs
    assert.equal(await wait({ 'retry-after': '7' }), 7_000)
    assert.equal(await wait({ 'retry-after-ms': '250', 'retry-after': '7' }), 250)
    assert.equal(await wait({ 'retry-after': 'soon' }), undefined)
    assert.equal(await wait({ 'retry-after-ms': 'soon', 'retry-after': '7' }), 7_000)
    assert.equal(await wait({ 'retry-after': '99999999' }), 3_600_000)
    const dated = (await wait({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() })) ?? 0
    assert.ok(dated > 50_000 && dated <= 60_000, String(dated))
  })

  it('takes a cut for a failure, never an end', async () => {
    for (const cut of ['connection', 'body'] as const) {
      const error = await failure({ cut, json: { word: 'a longer answer' } })
      assert.equal(error.kind, 'unavailable', cut)
      assert.equal(error.usage?.inputTokens, 100, cut)
      assert.equal(error.providerRequestId, 'req_1', cut)
    }
  })

  it('takes a malformed chunk and an unknown stop reason for failures', async () => {
    assert.equal((await failure({ malformed: true })).kind, 'unavailable')
    assert.equal((await failure({ stopReason: 'pause_turn' })).kind, 'unavailable')
  })

  it('takes an error in the middle of the stream by its type', async () => {
    assert.equal((await failure({ errorEvent: 'overloaded_error' })).message, 'the provider answered 529')
    assert.equal((await failure({ errorEvent: 'invalid_request_error' })).kind, 'rejected')
    assert.equal((await failure({ errorEvent: 'news_to_us' })).kind, 'unavailable')
  })

  it('takes a refused connection as unavailable', async () => {
    const provider = createAnthropic({ apiKey: 'key', baseUrl: 'http://127.0.0.1:1' })
    const events = Array.fromAsync(provider(request, AbortSignal.timeout(5_000)))
    await assert.rejects(events, { kind: 'unavailable', message: 'the connection to the provider failed' })
  })

  it('stops when the signal fires', async () => {
    const controller = new AbortController()
    const respond = () => {
      controller.abort()
      return { hang: true }
    }
    await using fake = await new FakeAnthropic({ respond }).start()
    const provider = createAnthropic({ apiKey: 'key', baseUrl: fake.url })
    await assert.rejects(Array.fromAsync(provider(request, controller.signal)), ModelError)
  })

  it('has many completions under way at once', async () => {
    const all32 = Promise.withResolvers<Script>()
    const respond = ({ n }: FakeRequest) => {
      if (n === 32) all32.resolve({})
      return all32.promise
    }
    await using fake = await new FakeAnthropic({ respond }).start()
    const provider = createAnthropic({ apiKey: 'key', baseUrl: fake.url })
    const all = Array.from({ length: 32 }, () => Array.fromAsync(provider(request, AbortSignal.timeout(5_000))))
    assert.equal((await Promise.all(all)).length, 32)
  })
})
