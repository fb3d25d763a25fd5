import assert from 'node:assert/strict'
import { costMicroUsd, listPrices, type Prices } from '../../src/models/prices.ts'

const usage = (inputTokens: number, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0) => ({
  inputTokens,
  outputTokens,
  cacheReadTokens,
  cacheWriteTokens,
})

const now = Date.UTC(2026, 10, 1)

/** By the list prices. */
const cost = (model: string, used: ReturnType<typeof usage>, atMs = now) => costMicroUsd(listPrices(model), used, atMs)

/** As DEED_MODELS would have it: $1.25 in, $10 out, $0.125 from the cache. */
const configured: Prices = [
  { from: Date.UTC(2026, 0, 1), input: 2_500_000, output: 20_000_000, cacheRead: 250_000, cacheWrite: 2_500_000 },
  { from: Date.UTC(2026, 5, 1), input: 1_250_000, output: 10_000_000, cacheRead: 125_000, cacheWrite: 1_250_000 },
]

describe('costMicroUsd', () => {
  for (const [model, used, micro] of [
    ['anthropic/claude-sonnet-4-5', usage(1_000_000), 3_000_000n],
    ['anthropic/claude-sonnet-4-5', usage(0, 1_000_000), 15_000_000n],
    ['anthropic/claude-sonnet-4-5', usage(0, 0, 1_000_000), 300_000n],
    ['anthropic/claude-sonnet-4-5', usage(0, 0, 0, 1_000_000), 3_750_000n],
    ['anthropic/claude-sonnet-5-5', usage(1_234, 567, 8_901, 2_345), 14_891n],
    ['anthropic/claude-opus-5-5', usage(1_234, 567, 8_901, 2_345), 29_782n],
    ['anthropic/claude-haiku-5-5', usage(1_234, 567, 8_901, 2_345), 790n],
    ['anthropic/claude-fable-5-1', usage(1_234, 567, 8_901, 2_345), 72_228n],
    ['local/keywords', usage(1_000_000, 1_000_000), 0n],
  ] as const) {
    it(`of ${model} for ${Object.values(used).join(', ')} tokens is ${micro}`, () => {
      assert.equal(cost(model, used), micro)
    })
  }

  it('of a model whose prices are configured is by them', () => {
    assert.equal(costMicroUsd(configured, usage(700, 50, 300), now), 1_413n)
    assert.equal(costMicroUsd(configured, usage(0, 0, 0, 100), now), 125n)
  })

  it('takes the price that was in force when the completion started, to the millisecond', () => {
    const change = Date.UTC(2026, 5, 1)
    for (const prices of [configured, configured.toReversed()]) {
      assert.equal(costMicroUsd(prices, usage(1_000_000), change - 1), 2_500_000n)
      assert.equal(costMicroUsd(prices, usage(1_000_000), change), 1_250_000n)
      assert.equal(costMicroUsd(prices, usage(1_000_000), Date.UTC(2026, 0, 1) - 1), undefined)
    }
    assert.equal(cost('anthropic/claude-sonnet-5-5', usage(0, 0, 1_000_000), Date.UTC(2026, 9, 7) - 1), 200_000n)
    assert.equal(cost('anthropic/claude-sonnet-5-5', usage(0, 0, 1_000_000), Date.UTC(2026, 9, 7)), 100_000n)
  })

  it('adds up the four kinds of token', () => {
    assert.equal(cost('anthropic/claude-sonnet-4-5', usage(1_000, 100, 10_000, 2_000)), 15_000n)
  })

  it('rounds up to a whole micro-dollar', () => {
    assert.equal(cost('anthropic/claude-haiku-4-5', usage(0, 0, 1)), 1n)
    assert.equal(cost('anthropic/claude-haiku-4-5', usage(0)), 0n)
  })

  it('prices a dated name as its alias', () => {
    assert.equal(cost('anthropic/claude-sonnet-4-5-20250929', usage(1_000)), 3_000n)
  })

  it('prices a long prompt at the long rate, cached parts included', () => {
    assert.equal(cost('anthropic/claude-haiku-5-5', usage(100_000)), 10_000n)
    assert.equal(cost('anthropic/claude-haiku-5-5', usage(100_000, 0, 1)), 50_001n)
  })

  it('knows no price for an unknown model, and none for local ones', () => {
    assert.equal(cost('anthropic/claude-next', usage(1)), undefined)
    assert.equal(cost('anthropic/constructor', usage(1)), undefined)
    assert.equal(cost('openai/claude-sonnet-4-5', usage(1)), undefined)
    assert.equal(cost('local/keywords', usage(1)), 0n)
  })
})
