import assert from 'node:assert/strict'
import { costMicroUsd } from '../../src/models/prices.ts'

const usage = (inputTokens: number, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0) => ({
  inputTokens,
  outputTokens,
  cacheReadTokens,
  cacheWriteTokens,
})

describe('costMicroUsd', () => {
  it('adds up the four kinds of token', () => {
    assert.equal(costMicroUsd('anthropic/claude-sonnet-4-5', usage(1_000, 100, 10_000, 2_000)), 15_000n)
  })

  it('rounds up to a whole micro-dollar', () => {
    assert.equal(costMicroUsd('anthropic/claude-haiku-4-5', usage(0, 0, 1)), 1n)
    assert.equal(costMicroUsd('anthropic/claude-haiku-4-5', usage(0)), 0n)
  })

  it('prices a dated name as its alias', () => {
    assert.equal(costMicroUsd('anthropic/claude-sonnet-4-5-20250929', usage(1_000)), 3_000n)
  })

  it('prices a long prompt at the long rate, cached parts included', () => {
    assert.equal(costMicroUsd('anthropic/claude-haiku-5-5', usage(100_000)), 10_000n)
    assert.equal(costMicroUsd('anthropic/claude-haiku-5-5', usage(100_000, 0, 1)), 50_001n)
  })

  it('knows no price for an unknown model, and none for local ones', () => {
    assert.equal(costMicroUsd('anthropic/claude-next', usage(1)), undefined)
    assert.equal(costMicroUsd('anthropic/constructor', usage(1)), undefined)
    assert.equal(costMicroUsd('openai/claude-sonnet-4-5', usage(1)), undefined)
    assert.equal(costMicroUsd('local/keywords', usage(1)), 0n)
  })
})
