import assert from 'node:assert/strict'
import { empty, rateRows, startRows } from '../../bench/queue/figures.ts'
import { readable } from '../../bench/rows.ts'

const waiting = { few: '10 waiting', many: '20 waiting' }
const measured = (name: string, beside: string, stores = true) => ({ name, beside, stores, peer: name !== 'deed' })

describe('the figures of the queue bench', () => {
  const rates = (name: string, beside: string, all: number[], stores = true) => ({
    ...measured(name, beside, stores),
    runs: all.map((rate) => ({ rate, p50Ms: 2, p99Ms: 9, cpuMicros: 50 })),
  })
  const starts = (name: string, beside: string, times: number[]) => ({ ...measured(name, beside), times })

  it('compare the median rate with that of the fastest peer that stores results', () => {
    const others = [
      rates('slow', empty, [50]),
      rates('fast', empty, [90, 100, 900]),
      rates('lean', empty, [999], false),
    ]
    const [row] = rateRows([rates('deed', empty, [10, 150, 160]), ...others], 'deed', waiting)
    assert.deepEqual(row, {
      name: 'deed',
      beside: empty,
      per_second: 150,
      accept_p50_ms: 2,
      accept_p99_ms: 9,
      ratio: 1.5,
      than: 'fast',
      target: 1,
      ok: true,
    })
    assert.equal(rateRows([rates('deed', empty, [99]), ...others], 'deed', waiting)[0]?.ok, false)
  })

  it('compare what many that wait cost with what few do', () => {
    const rows = (many: number) =>
      rateRows(
        [rates('deed', waiting.few, [120]), rates('deed', waiting.many, [many]), rates('fast', waiting.many, [9_000])],
        'deed',
        waiting,
      )
    assert.deepEqual([rows(90)[1]?.than, rows(90)[1]?.ratio, rows(90)[1]?.ok], [waiting.few, 0.75, undefined])
    assert.equal(rows(99)[2]?.ratio, undefined)
  })

  it('compare the p50 until the start, where less is better', () => {
    const all = (mine: number, many: number) =>
      startRows(
        [
          starts('deed', empty, [mine]),
          starts('quick', empty, [1, 3, 2, 900]),
          starts('slow', empty, [8]),
          starts('deed', waiting.few, [10]),
          starts('deed', waiting.many, [many]),
        ],
        'deed',
        waiting,
      )
    const [idle, quick, , , many] = all(2, 12)
    assert.deepEqual([quick?.start_p50_ms, quick?.start_p99_ms, quick?.samples], [2, 900, 4])
    assert.deepEqual([idle?.than, idle?.ratio, idle?.ok], ['quick', 1, true])
    assert.deepEqual([many?.than, many?.ratio, many?.ok], [waiting.few, 1.2, true])
    const [late, , , , later] = all(2.1, 12.1)
    assert.deepEqual([late?.ok, later?.ok], [false, false])
  })

  it('are printed as two tables that say which way the target goes', () => {
    const lines = readable([
      ...rateRows([rates('deed', empty, [150]), rates('fast', empty, [100])], 'deed', waiting),
      ...startRows([starts('deed', empty, [2]), starts('quick', empty, [1])], 'deed', waiting),
    ])
    assert.match(lines[1] ?? '', /^deed +nothing +150 +2\.0 +9\.0 +1\.50 +fast +>= 1 met$/)
    assert.match(lines[5] ?? '', /^deed +nothing +1 +2\.00 +2\.00 +2\.00 +quick +<= 1 MISSED$/)
  })
})
