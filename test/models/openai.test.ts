import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { Method } from '../../src/contracts/method.ts'
import { type CompletionEvent, type CompletionRequest, ModelError } from '../../src/models/provider.ts'
import { createOpenAi, type OpenAiOptions } from '../../src/models/providers/openai.ts'
import { strictSchema } from '../../src/models/providers/openai-schema.ts'
import { readAnswer } from '../../src/models/read-answer.ts'
import { type JsonSchema, responseSchema } from '../../src/models/schema.ts'
import { methodOf, requestOf } from '../support/methods.ts'

const SOURCE = `
syntax = "proto3";
package test.v1;
service S { rpc M(Req) returns (Res); }
message Req { string text = 1; }
message Part { string name = 1; }
message Res {
  string word = 1;
  optional int32 number = 2;
  Part part = 3;
  oneof choice { Part one = 4; string two = 5; Kind three = 6; }
}
enum Kind { KIND_UNSPECIFIED = 0; KIND_SMALL = 1; }
`

type Reply = (response: ServerResponse) => void
type Received = { url: string; headers: IncomingHttpHeaders; body: Record<string, unknown> }

/** A server that answers every request in one way, and keeps what it got. */
async function vendor(reply: Reply) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    received.push({ url: request.url ?? '', headers: request.headers, body })
    reply(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return {
    url: `http://127.0.0.1:${port}/v1`,
    received,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, prompt_tokens_details: { cached_tokens: 4 } }

type Streamed = { deltas?: object[]; finish?: string | null; usage?: object | null; done?: boolean; raw?: string }

function streamed({
  deltas = [{ content: '{}' }],
  finish = 'stop',
  done = true,
  raw = '',
  ...more
}: Streamed = {}): Reply {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req_1' })
    const send = (data: object) =>
      response.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', ...data })}\n\n`)
    for (const delta of deltas) send({ choices: [{ index: 0, delta, finish_reason: null }] })
    if (raw !== '') response.write(raw)
    if (finish !== null) send({ choices: [{ index: 0, delta: {}, finish_reason: finish }] })
    const reported = more.usage === undefined ? usage : more.usage
    if (reported !== null) send({ choices: [], usage: reported })
    if (done) response.write('data: [DONE]\n\n')
    response.end()
  }
}

function refused(status: number, error: object = {}, headers: Record<string, string> = {}): Reply {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_error', ...headers })
    response.end(JSON.stringify({ error: { message: 'scripted', type: null, code: null, ...error } }))
  }
}

describe('openai', () => {
  let method: Method
  let request: CompletionRequest

  before(async () => {
    method = await methodOf(SOURCE)
    request = {
      model: 'gpt-5.4',
      system: 'Do it.',
      turns: [
        { role: 'user', text: 'the request' },
        { role: 'assistant', text: 'an answer' },
        { role: 'user', text: 'the violations' },
      ],
      schema: responseSchema(method),
      maxOutputTokens: 512,
      method,
      request: requestOf(method),
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    }
  })

  async function ask(
    reply: Reply,
    change: Partial<CompletionRequest> = {},
    options: OpenAiOptions = { apiKey: 'key' },
  ) {
    await using fake = await vendor(reply)
    const provider = createOpenAi({ baseUrl: fake.url, ...options })
    const events: CompletionEvent[] = []
    let error: unknown
    try {
      for await (const event of provider({ ...request, ...change }, AbortSignal.timeout(5_000))) events.push(event)
    } catch (thrown) {
      error = thrown
    }
    assert.equal(fake.received.length, 1)
    const text = events.map((event) => (event.kind === 'text' ? event.text : '')).join('')
    return { text, end: events.at(-1), error, sent: fake.received[0] }
  }

  async function failure(reply: Reply): Promise<ModelError> {
    const { error } = await ask(reply)
    assert.ok(error instanceof ModelError, String(error))
    return error
  }

  it('streams the answer, then its usage and request id', async () => {
    const deltas = [{ role: 'assistant', content: '' }, { content: '{"wo' }, { content: 'rd":"x"}' }]
    const { text, end } = await ask(streamed({ deltas }))
    assert.equal(text, '{"word":"x"}')
    assert.deepEqual(end, {
      kind: 'end',
      stop: 'complete',
      usage: { inputTokens: 6, outputTokens: 5, cacheReadTokens: 4, cacheWriteTokens: 0 },
      providerRequestId: 'req_1',
    })
  })

  it('sends a strict schema, turns, limit, effort, key and trace context', async () => {
    const { sent } = await ask(streamed(), { effort: 'low' })
    assert.equal(sent?.url, '/v1/chat/completions')
    assert.equal(sent?.headers['authorization'], 'Bearer key')
    assert.equal(sent?.headers['traceparent'], request.headers['traceparent'])
    const { messages, ...body } = sent?.body ?? {}
    assert.deepEqual(messages, [
      { role: 'system', content: 'Do it.\n\nTo leave an optional field of the answer out, write null for it.' },
      { role: 'user', content: 'the request' },
      { role: 'assistant', content: 'an answer' },
      { role: 'user', content: 'the violations' },
    ])
    const schema = strictSchema(request.schema, method)
    assert.deepEqual(body, {
      model: 'gpt-5.4',
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 512,
      reasoning_effort: 'low',
      response_format: { type: 'json_schema', json_schema: { name: 'response', schema, strict: true } },
    })
  })

  it('speaks the dialect of a server', async () => {
    const { sent } = await ask(
      streamed(),
      { model: 'llama', effort: 'high', dialect: { structuredOutput: 'json_object' } },
      {
        outputLimit: 'max_tokens',
      },
    )
    assert.equal(sent?.headers['authorization'], undefined)
    assert.deepEqual(sent?.body['response_format'], { type: 'json_object' })
    assert.deepEqual([sent?.body['max_tokens'], sent?.body['max_completion_tokens']], [512, undefined])
    assert.equal(sent?.body['reasoning_effort'], undefined)
    assert.match(JSON.stringify(sent?.body['messages']), /KIND_SMALL/)
    const none = await ask(streamed(), {
      model: 'llama',
      effort: 'high',
      dialect: { structuredOutput: 'none', effort: true },
    })
    assert.equal(none.sent?.body['response_format'], undefined)
    assert.equal(none.sent?.body['reasoning_effort'], 'high')
  })

  it('tells the model a schema that is none of an object', async () => {
    for (const dialect of [{}, { structuredOutput: 'json_object' }] as const) {
      const { sent } = await ask(streamed(), { schema: { type: 'string', description: 'JSON text' }, dialect })
      assert.equal(sent?.body['response_format'], undefined)
      assert.match(JSON.stringify(sent?.body['messages']), /JSON text/)
    }
  })

  it("calls Azure's dated API by deployment, with its own key header", async () => {
    await using fake = await vendor(streamed())
    const baseUrl = fake.url.replace('/v1', '/')
    const provider = createOpenAi({ apiKey: 'key', baseUrl, azureApiVersion: '2024-10-21' })
    await Array.fromAsync(provider({ ...request, model: 'triage' }, AbortSignal.timeout(5_000)))
    const [sent] = fake.received
    assert.equal(sent?.url, '/openai/deployments/triage/chat/completions?api-version=2024-10-21')
    assert.deepEqual([sent?.headers['api-key'], sent?.headers['authorization']], ['key', undefined])
  })

  for (const [name, reply, stop] of [
    ['complete on stop', streamed(), 'complete'],
    ['truncated on length', streamed({ finish: 'length' }), 'truncated'],
    ['refused on content_filter', streamed({ finish: 'content_filter' }), 'refused'],
    ['refused when the model says so', streamed({ deltas: [{ refusal: 'I will not.' }] }), 'refused'],
  ] as const) {
    it(`ends ${name}`, async () => {
      const { end, text } = await ask(reply)
      assert.equal(end?.kind === 'end' && end.stop, stop)
      assert.ok(!text.includes('I will not'))
    })
  }

  it('knows no usage of a server that reports none', async () => {
    const { end } = await ask(streamed({ usage: null }))
    assert.equal(end?.kind === 'end' && end.usage.inputTokens, 0)
  })

  for (const [status, kind] of [
    [400, 'rejected'],
    [401, 'misconfigured'],
    [403, 'misconfigured'],
    [404, 'misconfigured'],
    [408, 'unavailable'],
    [409, 'unavailable'],
    [413, 'rejected'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ] as const) {
    it(`takes ${status} as ${kind}, without a second request`, async () => {
      const error = await failure(refused(status))
      assert.equal(error.kind, kind)
      assert.equal(error.message, `the provider answered ${status}`)
      assert.equal(error.providerRequestId, 'req_error')
    })
  }

  it('keeps the wait that the vendor asks for', async () => {
    assert.equal((await failure(refused(429, {}, { 'retry-after': '7' }))).retryAfterMs, 7_000)
    assert.equal((await failure(refused(429, {}, { 'retry-after-ms': '250' }))).retryAfterMs, 250)
  })

  it('does not wait for an account without money', async () => {
    assert.equal((await failure(refused(429, { code: 'insufficient_quota' }))).kind, 'misconfigured')
  })

  it('takes a cut for a failure, never an end', async () => {
    const body = await failure(streamed({ finish: null, done: false, usage: null }))
    assert.deepEqual([body.kind, body.providerRequestId], ['unavailable', 'req_1'])
    const connection = await failure((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: {"choices":[{"index":0,"delta":{"content":"{"}}]}\n\n', () => response.destroy())
    })
    assert.equal(connection.kind, 'unavailable')
  })

  it('takes a malformed chunk, an unknown reason to stop and an error in the stream for failures', async () => {
    assert.equal((await failure(streamed({ raw: 'data: {"choices": [\n\n' }))).kind, 'unavailable')
    assert.equal((await failure(streamed({ finish: 'tool_calls' }))).kind, 'unavailable')
    const raw = `data: ${JSON.stringify({ error: { type: 'invalid_request_error', message: 'no' } })}\n\n`
    assert.equal((await failure(streamed({ raw }))).kind, 'rejected')
  })

  it('takes a refused connection as unavailable', async () => {
    const provider = createOpenAi({ apiKey: 'key', baseUrl: 'http://127.0.0.1:1/v1' })
    const events = Array.fromAsync(provider(request, AbortSignal.timeout(5_000)))
    await assert.rejects(events, { kind: 'unavailable', message: 'the connection to the provider failed' })
  })

  it('stops when the signal fires', async () => {
    const controller = new AbortController()
    await using fake = await vendor(() => controller.abort())
    const provider = createOpenAi({ apiKey: 'key', baseUrl: fake.url })
    await assert.rejects(Array.fromAsync(provider(request, controller.signal)), ModelError)
  })

  describe('the strict schema', () => {
    it('requires everything, and has null for what may be left out', () => {
      const strict = JSON.parse(JSON.stringify(strictSchema(request.schema, method)))
      assert.deepEqual(strict.required, ['word', 'number', 'part', 'one', 'two', 'three'])
      assert.deepEqual(strict.properties.number, { anyOf: [{ type: 'integer' }, { type: 'null' }] })
      assert.deepEqual(strict.properties.part.anyOf[0].required, ['name'])
      assert.equal(typeof strict.properties.two.description, 'string')
      assert.deepEqual(strict.properties.word, { type: 'string' })
    })

    it('reads null as left out, in oneofs too', () => {
      const text = '{"word":"x","number":null,"part":null,"one":null,"two":null,"three":"KIND_SMALL"}'
      const read = readAnswer(method, text)
      assert.deepEqual(read.kind === 'valid' ? read.message : read, {
        $typeName: 'test.v1.Res',
        word: 'x',
        choice: { case: 'three', value: 1 },
      })
      const all = '{"word":"x","number":null,"part":null,"one":null,"two":null,"three":null}'
      assert.equal(readAnswer(method, all).kind, 'valid')
      assert.equal(readAnswer(method, '{"word":"x","one":{"name":"a"},"two":"b"}').kind, 'invalid')
    })

    it('is not made of what strict mode cannot hold', () => {
      const leaf: JsonSchema = { type: 'string' }
      const object = (properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema => ({
        type: 'object',
        properties,
        required,
        additionalProperties: false,
      })
      let deep = leaf
      for (let level = 0; level < 10; level++) deep = object({ inner: deep })
      assert.equal(strictSchema(deep, method), undefined)
      const values = Array.from({ length: 1_001 }, (_, index) => `V${index}`)
      assert.equal(strictSchema(object({ kind: { type: 'string', enum: values } }), method), undefined)
      const long = values.slice(0, 300).map((value) => value.padEnd(60, '_'))
      assert.equal(strictSchema(object({ kind: { type: 'string', enum: long } }), method), undefined)
      const uri = strictSchema(object({ link: { type: 'string', format: 'uri' } }, ['link']), method)
      assert.deepEqual(JSON.parse(JSON.stringify(uri)).properties.link, { type: 'string' })
    })

    it('gives way to one that is not enforced, where null is a value', async () => {
      const other = await methodOf(`
syntax = "proto3";
package test.v1;
import "google/protobuf/struct.proto";
service S { rpc M(Req) returns (Res); }
message Req { string text = 1; }
message Res { repeated Part parts = 1; }
message Part { google.protobuf.Value any = 1; }`)
      const schema = responseSchema(other)
      const { sent } = await ask(streamed(), { schema, method: other })
      assert.deepEqual(sent?.body['response_format'], {
        type: 'json_schema',
        json_schema: { name: 'response', schema, strict: false },
      })
      assert.deepEqual(sent?.body['messages'], [
        { role: 'system', content: 'Do it.' },
        { role: 'user', content: 'the request' },
        { role: 'assistant', content: 'an answer' },
        { role: 'user', content: 'the violations' },
      ])
    })
  })
})
