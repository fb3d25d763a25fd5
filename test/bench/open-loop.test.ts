import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { dueAt, dueBy, openLoop } from '../../bench/open-loop.ts'

const { signal } = new AbortController()

describe('the open loop', () => {
  it('has calls due at a fixed rate', () => {
    const pace = { rate: 200, calls: 10 }
    assert.deepEqual(
      [0, 1, 9].map((index) => dueAt(index, pace)),
      [0, 5, 45],
    )
    assert.deepEqual(
      [-1, 0, 4.9, 5, 22, 1_000].map((ms) => dueBy(ms, pace)),
      [0, 1, 1, 2, 5, 10],
    )
  })

  it('makes calls when they are due, though none before them has ended', async () => {
    const { promise: allMade, resolve } = Promise.withResolvers<void>()
    const dues: number[] = []
    const make = async (index: number, due: number) => {
      dues[index] = due
      assert.ok(performance.now() >= due)
      if (dues.length === 5) resolve()
      await allMade
      return 0
    }
    const { latencies, codes } = await openLoop({ rate: 100, calls: 5 }, make, signal)
    assert.deepEqual(
      dues.map((due) => Math.round(due - (dues[0] ?? 0))),
      [0, 10, 20, 30, 40],
    )
    // The first waited for the last.
    assert.ok((latencies[0] ?? 0) >= 40 && (latencies[0] ?? 0) >= (latencies[4] ?? 0))
    assert.deepEqual([...codes], [0, 0, 0, 0, 0])
  })

  it('counts the latency from when a call was due, not from when a blocked client made it', async () => {
    const make = async (index: number) => {
      // The thread is held, so that the second call is made late.
      for (const until = performance.now() + (index === 0 ? 50 : 0); performance.now() < until; );
      return index === 1 ? 4 : 0
    }
    const { latencies, codes } = await openLoop({ rate: 1_000, calls: 2 }, make, signal)
    assert.ok((latencies[1] ?? 0) >= 49)
    assert.deepEqual([...codes], [0, 4])
  })

  it('ends when it is stopped', async () => {
    const stop = new AbortController()
    const loop = openLoop({ rate: 1, calls: 600 }, async () => delay(0, 0), stop.signal)
    stop.abort()
    await assert.rejects(loop, { name: 'AbortError' })
  })
})
