import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import type { Method } from '../../src/contracts/method.ts'
import { complete } from '../../src/models/completion.ts'
import type { OnText } from '../../src/models/gather.ts'
import { type CompletionEvent, ModelError, NO_USAGE, type Provider } from '../../src/models/provider.ts'
import { Models } from '../../src/models/routing/models.ts'
import { responseSchema } from '../../src/models/schema.ts'
import type { Timeouts } from '../../src/models/stop.ts'
import { methodOf, requestOf } from '../support/methods.ts'
import { echoSource } from '../support/operations.ts'
import { gate } from '../support/scripted.ts'

const forever = (signal: AbortSignal) => delay(60_000, undefined, { signal })
const usage = { ...NO_USAGE, inputTokens: 7, outputTokens: 2 }
const end: CompletionEvent = { kind: 'end', stop: 'complete', usage, providerRequestId: 'r' }
const noHurry: Timeouts = { firstTokenMs: 50_000, completionMs: 60_000 }

describe('timeouts', () => {
  let method: Method
  before(async () => {
    method = await methodOf(echoSource)
  })

  /** A completion of that provider, to its end. */
  function run(provider: Provider, times: Timeouts, signal = new AbortController().signal, onText?: OnText) {
    const model = new Models({
      providers: new Map([['test', provider]]),
      settings: new Map([['test/one', times]]),
    }).get('test/one')
    assert(model)
    const prompt = { system: '', turns: [], schema: responseSchema(method), maxOutputTokens: 1 }
    return complete(model, { ...prompt, method, request: requestOf(method) }, ROOT_CONTEXT, signal, true, onText)
  }

  async function lateness(provider: Provider, times: Timeouts) {
    const { end, usage, providerRequestId } = await run(provider, times)
    assert(end.kind === 'failed', end.kind)
    return { kind: end.error.kind, message: end.error.message, usage, providerRequestId }
  }

  it('let pass what is in time', async () => {
    const provider: Provider = async function* () {
      yield { kind: 'text', text: 'a' }
      // The wait for the first token is over.
      await delay(60)
      yield end
    }
    const completion = await run(provider, { firstTokenMs: 50, completionMs: 10_000 })
    assert.deepEqual([completion.end, completion.usage], [{ kind: 'complete', text: 'a' }, usage])
  })

  for (const [name, first, times, message] of [
    ['the first token', false, { firstTokenMs: 20, completionMs: 60_000 }, 'it wrote nothing within 0.02 s'],
    ['the whole', true, { firstTokenMs: 60_000, completionMs: 20 }, 'it did not finish within 0.02 s'],
    ['what follows the first token', true, { firstTokenMs: 10, completionMs: 20 }, 'it did not finish within 0.02 s'],
  ] as const) {
    it(`end the wait for ${name} as unavailable, with the usage that is known`, async () => {
      const provider: Provider = async function* (_, signal) {
        try {
          if (first) yield { kind: 'text', text: 'a' }
          await forever(signal)
        } catch (cause) {
          throw new ModelError('unavailable', 'cut', { usage, providerRequestId: 'r', cause })
        }
      }
      assert.deepEqual(await lateness(provider, times), { kind: 'unavailable', message, usage, providerRequestId: 'r' })
    })
  }

  it('leave a provider behind that does not listen', async () => {
    const provider: Provider = async function* () {
      await new Promise(() => {})
      yield end
    }
    const { kind, message } = await lateness(provider, { firstTokenMs: 20, completionMs: 60_000 })
    assert.deepEqual([kind, message], ['unavailable', 'it wrote nothing within 0.02 s'])
  })

  describe('while its text is being stored', () => {
    let storing: PromiseWithResolvers<void>
    let stored: PromiseWithResolvers<boolean>
    const times = { firstTokenMs: 10, completionMs: 20 }
    const store: OnText = () => {
      storing.resolve()
      return stored.promise
    }
    beforeEach(() => {
      storing = gate()
      stored = gate<boolean>()
      mock.timers.enable({ apis: ['setTimeout'] })
    })
    afterEach(() => mock.timers.reset())

    /** The completion is late, and the moment that a provider has to end is over too. */
    async function pass() {
      await storing.promise
      for (const ms of [10, 10, 1_000]) {
        mock.timers.tick(ms)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }

    it('leave it behind afterwards', async () => {
      const provider: Provider = async function* () {
        yield { kind: 'text', text: 'a' }
        await new Promise(() => {})
      }
      const completed = run(provider, times, undefined, store)
      await pass()
      stored.resolve(true)
      const { end } = await completed
      assert.equal(end.kind === 'failed' && end.error.message, 'it did not finish within 0.02 s')
    })

    it('wait for that, which only a caller that is gone does not', async () => {
      const provider: Provider = async function* () {
        yield { kind: 'text', text: 'a' }
        yield end
      }
      const controller = new AbortController()
      let ended = false
      const completed = run(provider, times, controller.signal, store).finally(() => {
        ended = true
      })
      await pass()
      assert.equal(ended, false)
      controller.abort()
      mock.timers.tick(250)
      assert.deepEqual((await completed).end, { kind: 'aborted', asked: true })
    })
  })

  it("come after the attempt's own signal", async () => {
    const controller = new AbortController()
    const provider: Provider = async function* (_, signal) {
      controller.abort(new Error('cancelled'))
      await forever(signal)
      yield end
    }
    const { end: ended } = await run(provider, { firstTokenMs: 20, completionMs: 20 }, controller.signal)
    assert.deepEqual(ended, { kind: 'aborted', asked: true })
  })

  it('close the provider for a reader that fails', async () => {
    let closed = false
    const provider: Provider = async function* () {
      try {
        for (;;) yield { kind: 'text', text: 'a' }
      } finally {
        closed = true
      }
    }
    const fail: OnText = () => Promise.reject(new Error('no place to put it'))
    await assert.rejects(run(provider, noHurry, undefined, fail), /no place to put it/)
    assert.ok(closed)
  })
})
