import assert from 'node:assert/strict'
import { median, percentile } from '../../bench/statistics.ts'

describe('statistics', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => n + 1)

  it('takes percentiles by nearest rank', () => {
    assert.equal(percentile(hundred, 0.5), 50)
    assert.equal(percentile(hundred, 0.99), 99)
    assert.equal(percentile(hundred, 1), 100)
    assert.equal(percentile(hundred, 0), 1)
    assert.equal(percentile([7], 0.99), 7)
  })

  it('takes the median of any order, between the two in the middle of an even number', () => {
    assert.equal(median([5, 1, 3]), 3)
    assert.equal(median([4, 1, 3, 2]), 2.5)
    assert.equal(median([7]), 7)
  })

  it('has no value for none', () => {
    assert.equal(percentile([], 0.5), Number.NaN)
    assert.equal(median([]), Number.NaN)
  })
})
