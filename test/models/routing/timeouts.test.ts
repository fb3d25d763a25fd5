import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Method } from '../../../src/contracts/method.ts'
import {
  type CompletionEvent,
  type CompletionRequest,
  ModelError,
  NO_USAGE,
  type Provider,
} from '../../../src/models/provider.ts'
import { withTimeouts } from '../../../src/models/routing/timeouts.ts'
import { responseSchema } from '../../../src/models/schema.ts'
import { methodOf, requestOf } from '../../support/methods.ts'
import { echoSource } from '../../support/operations.ts'

const forever = (signal: AbortSignal) => delay(60_000, undefined, { signal })
const usage = { ...NO_USAGE, inputTokens: 7 }
const end: CompletionEvent = { kind: 'end', stop: 'complete', usage, providerRequestId: 'r' }

describe('timeouts', () => {
  let request: CompletionRequest
  before(async () => {
    const method: Method = await methodOf(echoSource)
    request = {
      model: 'one',
      system: '',
      turns: [],
      schema: responseSchema(method),
      maxOutputTokens: 1,
      method,
      request: requestOf(method),
      headers: {},
    }
  })

  const run = (
    provider: Provider,
    times: { firstTokenMs: number; completionMs: number },
    signal = new AbortController().signal,
  ) => Array.fromAsync(withTimeouts(provider, times)(request, signal))

  it('let pass what is in time', async () => {
    const provider: Provider = async function* () {
      yield { kind: 'text', text: 'a' }
      // The wait for the first token is over.
      await delay(60)
      yield end
    }
    assert.equal((await run(provider, { firstTokenMs: 50, completionMs: 10_000 })).length, 2)
  })

  for (const [name, first, times, message] of [
    ['the first token', false, { firstTokenMs: 20, completionMs: 60_000 }, 'it wrote nothing within 0.02 s'],
    ['the whole', true, { firstTokenMs: 60_000, completionMs: 20 }, 'it did not finish within 0.02 s'],
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
      await assert.rejects(run(provider, times), { kind: 'unavailable', message, usage, providerRequestId: 'r' })
    })
  }

  it('leave a provider behind that does not listen', async () => {
    const provider: Provider = async function* () {
      await new Promise(() => {})
      yield end
    }
    const message = 'it wrote nothing within 0.02 s'
    await assert.rejects(run(provider, { firstTokenMs: 20, completionMs: 60_000 }), { kind: 'unavailable', message })
  })

  it("come after the attempt's own signal", async () => {
    const controller = new AbortController()
    const provider: Provider = async function* (_, signal) {
      controller.abort(new Error('cancelled'))
      await forever(signal)
      yield end
    }
    await assert.rejects(run(provider, { firstTokenMs: 20, completionMs: 20 }, controller.signal), /aborted/)
  })

  it('close the provider for a consumer that has enough', async () => {
    let closed = false
    const provider: Provider = async function* () {
      try {
        for (;;) yield { kind: 'text', text: 'a' }
      } finally {
        closed = true
      }
    }
    for await (const _ of withTimeouts(provider, { firstTokenMs: 1_000, completionMs: 1_000 })(
      request,
      new AbortController().signal,
    ))
      break
    assert.ok(closed)
  })
})
