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
})
