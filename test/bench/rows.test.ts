import assert from 'node:assert/strict'
import { readable } from '../../bench/rows.ts'

describe('rows of a bench', () => {
  it('are a table of the rates, and the other values below', () => {
    const figures = { concurrency: 64, p50_ms: 1.234, p99_ms: 20 }
    const lines = readable([
      { name: 'echo', rate: 20_000, ...figures },
      { name: 'deed', rate: 5_000, ...figures, ratio: 0.25, target: 0.2, ok: true },
      { name: 'deed', rate: 1_000, ...figures, ratio: 0.05, target: 0.2, ok: false },
      { name: 'memory', value: 120, unit: 'MB' },
      { name: 'fsync', value: 'on' },
    ])
    assert.deepEqual(lines, [
      'name  concurrency  calls/s  p50 ms  p99 ms  ratio  target',
      'echo           64    20000    1.23   20.00',
      'deed           64     5000    1.23   20.00  0.25   0.2 met',
      'deed           64     1000    1.23   20.00  0.05   0.2 MISSED',
      '',
      'memory  120 MB',
      'fsync   on',
    ])
  })

  it('say beside a value what it has to stay below, and whether it does', () => {
    const lines = readable([
      { name: 'calls', value: 6_000 },
      { name: 'p95', value: 110.12, unit: 'ms', target: 200, ok: true },
      { name: 'errors', value: Number.NaN, unit: '%', target: 0.1, ok: false },
    ])
    assert.deepEqual(lines, [
      'calls   6000',
      'p95     110.12 ms  target < 200 ms met',
      'errors  - %        target < 0.1 % MISSED',
    ])
  })

  it('are a table of the calls in flight, with the memory where it was measured', () => {
    const figures = { model_ms: 200, calls_per_second: 4_000.4, p50_ms: 230, p99_ms: 1_300.26 }
    const added = { added_p50_ms: 30, added_p99_ms: 1_100.26 }
    const lines = readable([
      { name: 'echo', in_flight: 256, ...figures, ...added },
      { name: 'deed', in_flight: 10_000, ...figures, ...added, kib_per_call: 20.84 },
    ])
    assert.deepEqual(lines, [
      'name  in flight  model ms  calls/s  p50 ms  p99 ms  added p50 ms  added p99 ms  KiB per call',
      'echo        256       200     4000   230.0  1300.3          30.0        1100.3',
      'deed      10000       200     4000   230.0  1300.3          30.0        1100.3          20.8',
    ])
  })

  it('are a table of the times', () => {
    const lines = readable([{ name: 'existing', runs: 3, median_ms: 1_234, min_ms: 900, max_ms: 2_000 }])
    assert.deepEqual(lines, ['name      runs  median ms  min ms  max ms', 'existing     3       1234     900    2000'])
  })

  it('are a table of accuracies where there are any', () => {
    const lines = readable([
      { name: 'guess', training: 10, accuracy: 30, answered: 100, balanced: 8.3 },
      { name: 'words', training: 0, accuracy: 55.5, answered: 80, balanced: 50, gain: 25.5, target: 20, ok: true },
      { name: 'asked', value: 3_000 },
    ])
    assert.deepEqual(lines, [
      'name   learnt from  right %  answered %  balanced %  above majority  target',
      'guess           10     30.0       100.0         8.3',
      'words            0     55.5        80.0        50.0            25.5  20 met',
      '',
      'asked  3000',
    ])
  })
})
