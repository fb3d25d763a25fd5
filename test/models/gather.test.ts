import assert from 'node:assert/strict'
import type { Method } from '../../src/contracts/method.ts'
import { gather } from '../../src/models/gather.ts'
import { type CompletionEvent, ModelError, NO_USAGE, type Provider } from '../../src/models/provider.ts'
import { responseSchema } from '../../src/models/schema.ts'
import { Stop } from '../../src/models/stop.ts'
import { methodOf, requestOf } from '../support/methods.ts'
import { echoSource } from '../support/operations.ts'

const usage = { ...NO_USAGE, inputTokens: 7, outputTokens: 2 }
const text = (text: string): CompletionEvent => ({ kind: 'text', text })
const end = (stop: 'complete' | 'truncated', told = usage): CompletionEvent => ({
  kind: 'end',
  stop,
  usage: told,
  providerRequestId: 'r',
})

describe('what is gathered of a completion', () => {
  let method: Method
  before(async () => {
    method = await methodOf(echoSource)
  })

  async function gathered(provider: Provider) {
    const prompt = {
      model: 'm',
      system: '',
      turns: [],
      schema: responseSchema(method),
      maxOutputTokens: 9,
      headers: {},
    }
    const request = { ...prompt, method, request: requestOf(method) }
    using stop = new Stop(new AbortController().signal, { firstTokenMs: 50_000, completionMs: 60_000 })
    return await gather(provider(request, stop.signal), request, stop)
  }

  it('says at which limit it was cut off', async () => {
    const { end: ended } = await gathered(async function* () {
      yield text('{}')
      yield end('truncated')
    })
    assert.deepEqual(ended, { kind: 'truncated', text: '{}', limit: 'max_output_tokens (9)' })
  })

  const mebi = 'x'.repeat(1024 * 1024)
  for (const [name, listens, told] of [
    ['and tells what it has used', true, usage.inputTokens],
    ['and does not listen', false, 0],
  ] as const) {
    it(`stops a model that goes on and on, ${name}`, async () => {
      let written = 0
      const {
        end,
        usage: used,
        usageEstimated,
      } = await gathered(async function* (_, signal) {
        for (;;) {
          if (listens && signal.aborted) throw new ModelError('unavailable', 'cut', { usage })
          written++
          yield text(mebi)
        }
      })
      assert(end.kind === 'truncated')
      assert.deepEqual([end.text.length, end.limit], [9 * mebi.length, '8388608 characters'])
      assert.deepEqual([used.inputTokens, used.outputTokens], [told, (9 * mebi.length) / 4])
      assert.ok(usageEstimated)
      assert.equal(written, listens ? 9 : 10)
    })
  }

  it('has an estimate of its usage where the model told none', async () => {
    const { usage: used, usageEstimated } = await gathered(async function* () {
      yield text('nine byte')
      yield end('complete', NO_USAGE)
    })
    assert.deepEqual([used.outputTokens, usageEstimated], [3, true])
  })

  it('is a failure where it ends without an end', async () => {
    const { end: ended } = await gathered(async function* () {
      yield text('{}')
    })
    assert.equal(ended.kind === 'failed' && ended.error.message, 'the provider cut its answer off')
  })
})
