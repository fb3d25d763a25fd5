import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { figuresOf, type LoadRun, rowsOf } from '../../bench/load-figures.ts'

/** Two seconds of ten calls, after one second of warm-up. */
function runOf(latency: (index: number) => number, code: (index: number) => number = () => status.OK): LoadRun {
  const numbers = Array.from({ length: 30 }, (_, index) => index - 10)
  const [latencies, codes] = [Float64Array.from(numbers, latency), Uint8Array.from(numbers, code)]
  return { latencies, codes, rate: 10, seconds: 2, modelMs: 100, warmUpCalls: 10 }
}

describe('the figures of a load', () => {
  it('leave the warm-up out', () => {
    const run = runOf(
      (index) => (index < 0 ? 900 : 101 + index),
      (index) => (index < 0 ? status.INTERNAL : status.OK),
    )
    const { calls, failed, p50Ms, p95Ms, p99Ms, maxMs, failures } = figuresOf(run)
    assert.deepEqual(
      { calls, failed, p50Ms, p95Ms, p99Ms, maxMs, failures },
      { calls: 20, failed: 0, p50Ms: 110, p95Ms: 119, p99Ms: 120, maxMs: 120, failures: new Map() },
    )
  })

  it('count as the rate what was answered in the measured seconds, begun before or not', () => {
    const steady = figuresOf(runOf(() => 150))
    assert.deepEqual([steady.rate, steady.seconds.map(({ answered }) => answered)], [10, [10, 10]])
    // Slower by the second: what ends after the last one is no throughput.
    assert.equal(figuresOf(runOf((index) => (index < 10 ? 150 : 1_500))).rate, 5.5)
  })

  it('tell the seconds apart', () => {
    const { seconds } = figuresOf(
      runOf(
        (index) => (index < 10 ? 100 : 200),
        (index) => (index === 15 ? 14 : 0),
      ),
    )
    assert.deepEqual(
      seconds.map(({ second, p50Ms, errorPercent }) => [second, p50Ms, errorPercent]),
      [
        [0, 100, 0],
        [1, 200, 10],
      ],
    )
  })

  it('meet the targets', () => {
    const run = runOf(() => 299)
    const rows = rowsOf(figuresOf(run), run)
    assert.deepEqual(
      rows.filter((row) => row.target !== undefined),
      [
        { name: 'p95 beside the model', value: 199, unit: 'ms', target: 200, ok: true },
        { name: 'p99', value: 299, unit: 'ms', target: 500, ok: true },
        { name: 'maximum', value: 299, unit: 'ms', target: 500, ok: true },
        { name: 'errors', value: 0, unit: '%', target: 0.1, ok: true },
      ],
    )
  })

  it('miss the targets with one slow call or one that failed', () => {
    const run = runOf(
      (index) => (index === 3 ? 500 : 100),
      (index) => (index === 4 ? 255 : index === 5 ? 4 : 0),
    )
    const rows = rowsOf(figuresOf(run), run)
    const missed = rows.filter((row) => row.ok === false).map(({ name, value }) => [name, value])
    assert.deepEqual(missed, [
      ['p95 beside the model', 400],
      ['p99', 500],
      ['maximum', 500],
      ['errors', 10],
    ])
    assert.deepEqual(rows.slice(-2), [
      { name: 'failed with a wrong answer', value: 1 },
      { name: 'failed with DEADLINE_EXCEEDED', value: 1 },
    ])
  })

  it('miss every target when nothing was answered', () => {
    const run = runOf(
      () => 1,
      () => status.UNAVAILABLE,
    )
    const rows = rowsOf(figuresOf(run), run)
    assert.deepEqual(
      rows.filter((row) => 'ok' in row).map(({ ok }) => ok),
      [false, false, false, false],
    )
    assert.equal(rows.find(({ name }) => name === 'rate achieved')?.value, 0)
  })
})
