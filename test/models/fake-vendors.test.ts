import assert from 'node:assert/strict'
import OpenAI, { APIError, AzureOpenAI } from 'openai'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { type ChatBody, FakeOpenAI, type Script } from '../support/fake-openai.ts'
import { strictRefusalOf } from '../support/fake-openai-schema.ts'

const schema = {
  type: 'object',
  properties: { word: { type: 'string' } },
  required: ['word'],
  additionalProperties: false,
}
const json_schema = { name: 'answer', strict: true, schema }
const messages = [{ role: 'user' as const, content: 'a question' }]

describe('the fake of OpenAI', () => {
  let fake: FakeOpenAI
  let script: Script = {}
  before(async () => {
    fake = await new FakeOpenAI({ respond: () => script }).start()
  })
  beforeEach(() => {
    script = {}
  })
  after(() => fake[Symbol.asyncDispose]())

  const ask = (client: OpenAI, change: object = {}) =>
    client.chat.completions.create({
      model: 'gpt-5',
      messages,
      stream: true,
      stream_options: { include_usage: true },
      response_format: { type: 'json_schema', json_schema },
      ...change,
    })
  const openai = () => new OpenAI({ apiKey: 'key', baseURL: fake.url, maxRetries: 0 })
  const statusOf = async (asked: Promise<unknown>) => {
    const [{ reason }] = (await Promise.allSettled([asked])) as [PromiseRejectedResult]
    assert.ok(reason instanceof APIError, String(reason))
    return reason.status
  }

  it('streams an answer to the schema, tells its usage and remembers that it did', async () => {
    const chunks = await Array.fromAsync(await ask(openai()))
    assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), '{"word":"some text"}')
    assert.equal(chunks.at(-1)?.usage?.completion_tokens, 20)
    assert.deepEqual(fake.bills.at(-1)?.usage, {
      inputTokens: 100,
      outputTokens: 20,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
    })
  })

  it('tells no usage when it is not asked for', async () => {
    const chunks = await Array.fromAsync(await ask(openai(), { stream_options: undefined }))
    assert.ok(chunks.every((chunk) => !chunk.usage))
    assert.equal(fake.bills.at(-1)?.usage.inputTokens, 0)
  })

  it('answers in one piece when no stream is asked for', async () => {
    const completion = await ask(openai(), { stream: false, stream_options: undefined })
    assert.ok('choices' in completion)
    assert.equal(Object(completion).choices[0].message.content, '{"word":"some text"}')
  })

  it('serves Azure at its paths, in a version', async () => {
    const options = { apiKey: 'key', endpoint: fake.origin, maxRetries: 0 }
    const chunks = await Array.fromAsync(await ask(new AzureOpenAI({ ...options, apiVersion: '2024-10-21' })))
    assert.equal(chunks[0]?.model, 'gpt-5')
    assert.equal(await statusOf(ask(new AzureOpenAI({ ...options, apiVersion: 'newest' }))), 404)
  })

  for (const [name, change] of [
    ['an unknown parameter', { max_output_tokens: 5 }],
    ['an optional property', { response_format: strictly({ ...schema, required: [] }) }],
    ['an open object', { response_format: strictly({ ...schema, additionalProperties: true }) }],
    ['stream options without a stream', { stream: false }],
    ['no messages', { messages: [] }],
    ['JSON that is not spoken of', { response_format: { type: 'json_object' } }],
    ['both limits', { max_tokens: 5, max_completion_tokens: 5 }],
  ] as const) {
    it(`refuses ${name}`, async () => {
      assert.equal(await statusOf(ask(openai(), change)), 400)
    })
  }

  it('knows what strict schemas may hold', () => {
    const of = (word: object) => strictRefusalOf({ ...schema, properties: { word } })
    assert.equal(of({ type: ['string', 'null'] }), undefined)
    assert.equal(of({ anyOf: [schema, { type: 'null' }] }), undefined)
    assert.match(of({ type: 'string', format: 'uri' }) ?? '', /'uri' is not a valid format/)
    assert.match(of({ type: 'string', minLength: 3 }) ?? '', /'minLength' is not permitted/)
    const deep = (levels: number): object =>
      levels === 0 ? { type: 'string' } : { ...schema, properties: { word: deep(levels - 1) } }
    assert.deepEqual([strictRefusalOf(deep(10)), /levels/.test(strictRefusalOf(deep(11)) ?? '')], [undefined, true])
  })

  it('refuses without a key, and says what else is wrong by its status', async () => {
    const response = await fetch(`${fake.url}/chat/completions`, { method: 'POST', body: '{}' })
    assert.equal(response.status, 401)
    script = { status: 429, headers: { 'retry-after': '1' } }
    assert.equal(await statusOf(ask(openai())), 429)
  })

  it('declines in the form of structured outputs', async () => {
    script = { stop: 'refusal' }
    const chunks = await Array.fromAsync(await ask(openai()))
    assert.match(chunks.map(({ choices }) => choices[0]?.delta.refusal ?? '').join(''), /sorry/)
  })
})

describe('the fake of Anthropic', () => {
  it('ends its bill where the client left', async () => {
    await using fake = await new FakeAnthropic({ respond: () => ({ text: 'a long answer', tokenMs: 20 }) }).start()
    const body = { model: 'claude', max_tokens: 5, stream: true, messages } satisfies Partial<ChatBody> & object
    const controller = new AbortController()
    const headers = { 'x-api-key': 'key', 'anthropic-version': '2023-06-01' }
    const response = await fetch(`${fake.url}/v1/messages`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers,
      signal: controller.signal,
    })
    await response.body?.getReader().read()
    controller.abort()
    assert.equal(fake.bills[0]?.usage.outputTokens, 1)
  })
})

function strictly(changed: object) {
  return { type: 'json_schema', json_schema: { ...json_schema, schema: changed } }
}
