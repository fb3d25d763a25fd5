import assert from 'node:assert/strict'
import { progressBar } from '../../src/cli/progress-bar.ts'

describe('a progress bar', () => {
  it('says how much is done and failed, how fast that goes and how long it will take', () => {
    let now = 0
    const bar = progressBar(10_000, () => now)
    assert.equal(bar.line(), '░░░░░░░░░░░░░░░░░░░░░░░░ 0 of 10,000')
    bar.done(2_500)
    bar.failed()
    now = 5_000
    assert.equal(bar.line(), '██████░░░░░░░░░░░░░░░░░░ 2,500 of 10,000 · 1 failed · 500/s · 15s left')
    bar.done(7_500)
    now = 10_000
    assert.equal(bar.line(), '████████████████████████ 10,000 of 10,000 · 1 failed · 1,000/s')
  })

  it('goes by what the last seconds were like', () => {
    let now = 0
    const bar = progressBar(1_000, () => now)
    bar.line()
    bar.done(600)
    for (; now <= 30_000; now += 500) {
      if (now > 15_000) bar.done(1)
      bar.line()
    }
    assert.match(bar.line(), / 630 of 1,000 · 1\.9\/s · 3m left$/)
  })

  it('has nothing to do', () => {
    assert.equal(progressBar(0, () => 0).line(), '████████████████████████ 0 of 0')
  })
})
