import type { Usage } from './provider.ts'

/** Micro-dollars per million tokens: $3 per million tokens is 3_000_000. */
export type Price = { input: number; output: number; cacheRead: number; cacheWrite: number }

/**
 * What a model costs from a day on: `from` is its 00:00 UTC in milliseconds since 1970, or -Infinity where no other price was
 * before. `long` is what every token of a completion costs whose prompt, cached parts included, exceeds `longFrom` tokens.
 */
export type DatedPrice = Price & { from: number; longFrom?: number; long?: Price }

/** The prices of one model, in any order. */
export type Prices = readonly DatedPrice[]

const FREE: Prices = [{ from: Number.NEGATIVE_INFINITY, input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }]

/**
 * List prices of the Claude API, with the 5-minute cache that Deed uses.
 * Sources, as of 2026-10-24: https://platform.claude.com/docs/en/about-claude/pricing and the pages of the single models,
 * https://platform.claude.com/docs/en/models/haiku-5-5/overview, …/sonnet-5-5/overview, …/opus-5-5/overview.
 */
const CLAUDE: Readonly<Record<string, Prices>> = {
  'claude-fable-5-1': [always(10, 50, 0.25, 12.5)],
  'claude-fable-5': [always(10, 50, 1, 12.5)],
  'claude-opus-5-5': [always(4, 20, 0.2, 5)],
  'claude-opus-5': [always(5, 25, 0.5, 6.25)],
  'claude-opus-4-8': [always(5, 25, 0.5, 6.25)],
  'claude-opus-4-7': [always(5, 25, 0.5, 6.25)],
  'claude-opus-4-6': [always(5, 25, 0.5, 6.25)],
  'claude-opus-4-5': [always(5, 25, 0.5, 6.25)],
  'claude-sonnet-5-5': [
    always(2, 10, 0.2, 2.5),
    // Cache reads at half the price from then on.
    { ...dollars(2, 10, 0.1, 2.5), from: Date.UTC(2026, 9, 7) },
  ],
  'claude-sonnet-5': [always(2, 10, 0.2, 2.5)],
  'claude-sonnet-4-6': [always(3, 15, 0.3, 3.75)],
  'claude-sonnet-4-5': [always(3, 15, 0.3, 3.75)],
  'claude-haiku-5-5': [
    {
      ...always(0.1, 0.5, 0.01, 0.125),
      longFrom: 100_000,
      long: dollars(0.5, 2.5, 0.05, 0.625),
    },
  ],
  'claude-haiku-4-5': [always(1, 5, 0.1, 1.25)],
}

/**
 * The prices that Deed knows of a model by its name, `provider/name`: those of Claude, by the name that its API takes (a dated
 * name has the prices of its alias), and nothing for what runs in Deed itself (`local/…`). Undefined for all others.
 */
export function listPrices(model: string): Prices | undefined {
  if (model.startsWith('local/')) return FREE
  if (!model.startsWith('anthropic/')) return undefined
  const name = model.slice('anthropic/'.length).replace(/-20\d{6}$/, '')
  return Object.hasOwn(CLAUDE, name) ? CLAUDE[name] : undefined
}

/**
 * What a completion that started at `atMs` (since 1970) cost by the price that was in force then, in micro-dollars, rounded
 * up. Undefined when no price is known for that time.
 */
export function costMicroUsd(prices: Prices | undefined, usage: Usage, atMs: number): bigint | undefined {
  const listed = inForce(prices ?? [], atMs)
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

/** The latest of the prices that have begun. */
function inForce(prices: Prices, atMs: number): DatedPrice | undefined {
  return prices.reduce<DatedPrice | undefined>(
    (latest, price) =>
      price.from <= atMs && price.from >= (latest?.from ?? Number.NEGATIVE_INFINITY) ? price : latest,
    undefined,
  )
}

function always(input: number, output: number, cacheRead: number, cacheWrite: number): DatedPrice {
  return { ...dollars(input, output, cacheRead, cacheWrite), from: Number.NEGATIVE_INFINITY }
}

/** From dollars per million tokens. */
function dollars(input: number, output: number, cacheRead: number, cacheWrite: number): Price {
  const micro = (amount: number) => Math.round(amount * 1_000_000)
  return { input: micro(input), output: micro(output), cacheRead: micro(cacheRead), cacheWrite: micro(cacheWrite) }
}
