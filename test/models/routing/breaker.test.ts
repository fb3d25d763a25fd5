import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { pino } from 'pino'
import { answer } from '../../../src/models/answer.ts'
import { NO_USAGE, type Provider } from '../../../src/models/provider.ts'
import { Breaker, type BreakerState, type Verdict } from '../../../src/models/routing/breaker.ts'
import { Models } from '../../../src/models/routing/models.ts'
import { methodOf, requestOf } from '../../support/methods.ts'
import { echoSource } from '../../support/operations.ts'

const unused: Provider = async function* () {}

describe('a breaker', () => {
  beforeEach(() => mock.timers.enable({ apis: ['Date'], now: 1_000_000 }))
  afterEach(() => mock.timers.reset())

  function start() {
    const changes: BreakerState[] = []
    const breaker = new Breaker((state) => changes.push(state))
    const end = async (...verdicts: Verdict[]) => {
      for (const verdict of verdicts) await breaker.enter()(verdict)
    }
    return { breaker, changes, end }
  }

  const four: Verdict[] = ['unavailable', 'unavailable', 'unavailable', 'unavailable']

  it('opens after five failures in a row, and tells how long it stays open', async () => {
    const { breaker, changes, end } = start()
    await end(...four)
    assert.deepEqual([breaker.state, breaker.waitMs], ['closed', 0])
    await end('unavailable')
    assert.deepEqual([breaker.state, breaker.waitMs], ['open', 5_000])
    mock.timers.tick(4_999)
    assert.equal(breaker.waitMs, 1)
    mock.timers.tick(1)
    assert.equal(breaker.waitMs, 0)
    assert.deepEqual(changes, ['open'])
  })

  it('counts a success as an end of the row, and what says nothing as nothing', async () => {
    const { breaker, end } = start()
    await end(...four, 'available', ...four)
    assert.equal(breaker.state, 'closed')
    await end('none', 'none', 'unavailable')
    assert.equal(breaker.state, 'open')
  })

  for (const [verdict, after, waitMs] of [
    ['available', 'closed', 0],
    ['unavailable', 'open', 5_000],
    ['none', 'open', 5_000],
  ] as const) {
    it(`lets one completion probe, while the rest pass it by; it is ${after} after a probe that says ${verdict}`, async () => {
      const { breaker, changes, end } = start()
      await end(...four, 'unavailable')
      mock.timers.tick(5_000)
      const leave = breaker.enter()
      assert.deepEqual([breaker.state, breaker.waitMs], ['half-open', 1_000])
      await leave(verdict)
      assert.deepEqual([breaker.state, breaker.waitMs], [after, waitMs])
      assert.deepEqual(changes, ['open', 'half-open', after])
    })
  }

  it('begins to count anew once it has closed', async () => {
    const { breaker, end } = start()
    await end(...four, 'unavailable')
    mock.timers.tick(5_000)
    await end('available', ...four)
    assert.equal(breaker.state, 'closed')
  })

  it('is told of in the log when its model has one', async () => {
    const lines: unknown[] = []
    const log = pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) })
    const breaker = new Models({ providers: new Map([['test', unused]]), log }).get('test/one')?.breaker
    assert.ok(breaker)
    for (let n = 0; n < 5; n++) await breaker.enter()('unavailable')
    mock.timers.tick(5_000)
    await breaker.enter()('available')
    assert.deepEqual(
      lines,
      (['open', 'half-open', 'closed'] as const).map((state) => ({
        level: state === 'open' ? 40 : 30,
        model: 'test/one',
        breaker: state,
        msg: `the breaker of a model is ${state}`,
      })),
    )
  })

  it('is not closed by what ends late', async () => {
    const { breaker, end } = start()
    const leave = breaker.enter()
    await end(...four, 'unavailable')
    await leave('available')
    assert.equal(breaker.state, 'open')
  })

  it('lets the repair of an answer to a probe ask at once', async () => {
    const method = await methodOf(echoSource)
    const usage = { ...NO_USAGE, inputTokens: 1 }
    const texts = ['no JSON', '{"text":"right"}']
    const provider: Provider = async function* () {
      yield { kind: 'text', text: texts.shift() ?? '' }
      yield { kind: 'end', stop: 'complete', usage, providerRequestId: '' }
    }
    const models = new Models({ providers: new Map([['test', provider]]) })
    const breaker = models.get('test/one')?.breaker
    for (let n = 0; n < 5; n++) await breaker?.enter()('unavailable')
    mock.timers.tick(5_000)
    const options = { models, defaultModel: 'test/one' }
    const { kind } = await answer(method, requestOf(method), options, ROOT_CONTEXT, new AbortController().signal)
    assert.deepEqual([kind, breaker?.state], ['response', 'closed'])
  })
})
