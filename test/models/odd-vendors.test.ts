import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Method } from '../../src/contracts/method.ts'
import { ModelError, type Provider } from '../../src/models/provider.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { createOpenAi } from '../../src/models/providers/openai.ts'
import { responseSchema } from '../../src/models/schema.ts'
import { methodOf, requestOf } from '../support/methods.ts'
import { echoSource } from '../support/operations.ts'

const providers = {
  openai: (url: string) => createOpenAi({ apiKey: 'key', baseUrl: `${url}/v1` }),
  anthropic: (url: string) => createAnthropic({ apiKey: 'key', baseUrl: url }),
}

const data = (value: object) => `data: ${JSON.stringify(value)}\n\n`
const choice = (delta: object, index = 0, finish: string | null = null) =>
  data({ choices: [{ index, delta, finish_reason: finish }] })
const event = (value: { type: string; [key: string]: unknown }) => `event: ${value.type}\n${data(value)}`

/** What speaks a vendor's protocol without being that vendor may leave things out, or add some. */
describe('servers that are a little unlike their vendor', () => {
  let method: Method
  before(async () => {
    method = await methodOf(echoSource)
  })

  async function ask(make: (url: string) => Provider, body: string, status = 200, location = '') {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(status, { 'content-type': 'text/event-stream', ...(location && { location }) })
      request.resume().on('end', () => response.end(body))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const provider = make(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
    const prompt = { system: '', turns: [{ role: 'user', text: 'x' }] as const, schema: responseSchema(method) }
    const request = { model: 'm', ...prompt, maxOutputTokens: 9, method, request: requestOf(method), headers: {} }
    try {
      const events = await Array.fromAsync(provider(request, AbortSignal.timeout(5_000)))
      const end = events.at(-1)
      const text = events.map((each) => (each.kind === 'text' ? each.text : '')).join('')
      return {
        parts: events.length - 1,
        text,
        usage: end?.kind === 'end' ? Object.values(end.usage) : undefined,
        asked,
      }
    } catch (error) {
      assert.ok(error instanceof ModelError, String(error))
      return { error: `${error.kind}: ${error.message}`, asked }
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }

  for (const [name, usage, counts] of [
    ['none', undefined, [0, 0, 0, 0]],
    ['null', { prompt_tokens: null, completion_tokens: null, prompt_tokens_details: null }, [0, 0, 0, 0]],
    ['an empty object', {}, [0, 0, 0, 0]],
    ['no numbers', { prompt_tokens: '7', completion_tokens: {} }, [0, 0, 0, 0]],
    ['no counts', { prompt_tokens: 1.5, completion_tokens: -7 }, [0, 0, 0, 0]],
    ['more than there is', { prompt_tokens: 1e300, completion_tokens: 2 ** 31 }, [0, 0, 0, 0]],
    ['more in the cache than in all', { prompt_tokens: 3, prompt_tokens_details: { cached_tokens: 5 } }, [0, 0, 5, 0]],
  ] as const) {
    it(`openai: tells ${name} of its usage`, async () => {
      const body = choice({ content: 'hi' }, 0, 'stop') + data({ choices: [], usage })
      assert.deepEqual(await ask(providers.openai, body), {
        parts: 1,
        text: 'hi',
        usage: counts,
        asked: ['/v1/chat/completions'],
      })
    })
  }

  for (const [name, first, last, counts] of [
    ['none', undefined, undefined, [0, 0, 0, 0]],
    ['null', null, null, [0, 0, 0, 0]],
    ['nulls', { input_tokens: 3, output_tokens: 1 }, { input_tokens: null, output_tokens: null }, [3, 1, 0, 0]],
    ['no counts', { input_tokens: 1.5, output_tokens: '1' }, { output_tokens: -1 }, [0, 0, 0, 0]],
  ] as const) {
    it(`anthropic: tells ${name} of its usage`, async () => {
      const body = [
        event({ type: 'message_start', message: { id: 'm', usage: first } }),
        event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'hi' } }),
        event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: last }),
        event({ type: 'message_stop' }),
      ].join('')
      assert.deepEqual(await ask(providers.anthropic, body), {
        parts: 1,
        text: 'hi',
        usage: counts,
        asked: ['/v1/messages'],
      })
    })
  }

  it('openai: gives a second choice that nobody asked for', async () => {
    const body = choice({ content: 'a' }) + choice({ content: 'X' }, 1, 'length') + choice({ content: 'b' }, 0, 'stop')
    assert.equal((await ask(providers.openai, body)).text, 'ab')
  })

  it('openai: shows that it thinks by a name of its own, which ends the wait for the first token', async () => {
    const body = choice({ reasoning_content: 'Hmm.' }) + choice({ content: 'a' }, 0, 'stop')
    const { parts, text } = await ask(providers.openai, body)
    assert.deepEqual([parts, text], [2, 'a'])
  })

  it('openai: gives content that is no text', async () => {
    const { error } = await ask(providers.openai, choice({ content: [{ type: 'text', text: 'a' }] }, 0, 'stop'))
    assert.equal(error, 'unavailable: the provider sent what is not its protocol')
  })

  it('anthropic: gives text that is none', async () => {
    const delta = event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: null } })
    const { error } = await ask(providers.anthropic, delta)
    assert.equal(error, 'unavailable: the provider sent what is not its protocol')
  })

  it('openai: has the status as the code of an error in the stream', async () => {
    const body = choice({ content: 'a' }) + data({ error: { message: 'no', type: 'BadRequestError', code: 400 } })
    assert.equal((await ask(providers.openai, body)).error, 'rejected: the provider answered 400')
  })

  for (const [name, make] of Object.entries(providers)) {
    for (const status of [302, 307]) {
      it(`${name}: sends elsewhere by ${status}, where neither request nor key follows`, async () => {
        const { error, asked } = await ask(make, '', status, '/elsewhere')
        assert.equal(error, `misconfigured: the provider answered ${status}`)
        assert.equal(asked.length, 1)
      })
    }
  }
})
