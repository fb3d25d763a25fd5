import type { Usage } from './provider.ts'

/** Micro-dollars per million tokens: $3 per million tokens is 3_000_000. */
type Price = { input: number; output: number; cacheRead: number; cacheWrite: number }

/** `long` is what every token of a completion costs whose prompt, cached parts included, exceeds `longFrom` tokens. */
type ModelPrice = Price & { longFrom?: number; long?: Price }

/**
 * List prices of the Claude API, with the 5-minute cache that Deed uses.
 * Sources, as of 2026-10-24: https://platform.claude.com/docs/en/about-claude/pricing and the pages of the single models,
 * https://platform.claude.com/docs/en/models/haiku-5-5/overview, …/sonnet-5-5/overview, …/opus-5-5/overview.
 */
const PRICES: Readonly<Record<string, ModelPrice>> = {
  'claude-fable-5-1': dollars(10, 50, 0.25, 12.5),
  'claude-fable-5': dollars(10, 50, 1, 12.5),
  'claude-opus-5-5': dollars(4, 20, 0.2, 5),
  'claude-opus-5': dollars(5, 25, 0.5, 6.25),
  'claude-opus-4-8': dollars(5, 25, 0.5, 6.25),
  'claude-opus-4-7': dollars(5, 25, 0.5, 6.25),
  'claude-opus-4-6': dollars(5, 25, 0.5, 6.25),
  'claude-opus-4-5': dollars(5, 25, 0.5, 6.25),
  'claude-sonnet-5-5': dollars(2, 10, 0.1, 2.5),
  'claude-sonnet-5': dollars(2, 10, 0.2, 2.5),
  'claude-sonnet-4-6': dollars(3, 15, 0.3, 3.75),
  'claude-sonnet-4-5': dollars(3, 15, 0.3, 3.75),
  'claude-haiku-5-5': {
    ...dollars(0.1, 0.5, 0.01, 0.125),
    longFrom: 100_000,
    long: dollars(0.5, 2.5, 0.05, 0.625),
  },
  'claude-haiku-4-5': dollars(1, 5, 0.1, 1.25),
}

/**
 * What a completion cost, in micro-dollars, rounded up. Undefined when the model's price is not known; models that run in
 * Deed itself (`local/…`) cost nothing. `model` is `provider/name`; a dated name has the price of its alias.
 */
export function costMicroUsd(model: string, usage: Usage): bigint | undefined {
  if (model.startsWith('local/')) return 0n
  if (!model.startsWith('anthropic/')) return undefined
  const name = model.slice('anthropic/'.length).replace(/-20\d{6}$/, '')
  const listed = Object.hasOwn(PRICES, name) ? PRICES[name] : undefined
  if (!listed) return undefined
  const prompt = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
  const price = listed.long && prompt > (listed.longFrom ?? 0) ? listed.long : listed
  const parts = [
    [usage.inputTokens, price.input],
    [usage.outputTokens, price.output],
    [usage.cacheReadTokens, price.cacheRead],
    [usage.cacheWriteTokens, price.cacheWrite],
  ] as const
  const total = parts.reduce((sum, [tokens, each]) => sum + BigInt(tokens) * BigInt(each), 0n)
  return (total + 999_999n) / 1_000_000n
}

function dollars(input: number, output: number, cacheRead: number, cacheWrite: number): Price {
  const micro = (amount: number) => Math.round(amount * 1_000_000)
  return { input: micro(input), output: micro(output), cacheRead: micro(cacheRead), cacheWrite: micro(cacheWrite) }
}
