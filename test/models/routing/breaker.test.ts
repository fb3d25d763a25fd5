import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { pino } from 'pino'
import type { Provider } from '../../../src/models/provider.ts'
import { Breaker, type BreakerState, type Verdict } from '../../../src/models/routing/breaker.ts'
import { Models } from '../../../src/models/routing/models.ts'

const unused: Provider = async function* () {}

/** Cockatiel notes how an execution ended some microtasks later. */
const noted = () => new Promise((resolve) => setImmediate(resolve))

describe('a breaker', () => {
  beforeEach(() => mock.timers.enable({ apis: ['Date'], now: 1_000_000 }))
  afterEach(() => mock.timers.reset())

  function start() {
    const changes: BreakerState[] = []
    const breaker = new Breaker((state) => changes.push(state))
    const end = async (...verdicts: Verdict[]) => {
      for (const verdict of verdicts) {
        breaker.enter()(verdict)
        await noted()
      }
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
      leave(verdict)
      await noted()
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
    for (let n = 0; n < 5; n++) breaker.enter()('unavailable')
    await noted()
    mock.timers.tick(5_000)
    breaker.enter()('available')
    await noted()
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
    leave('available')
    await noted()
    assert.equal(breaker.state, 'open')
  })
})
