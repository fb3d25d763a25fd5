/** Numbers that a seed decides. */
export type Random = {
  readonly seed: number
  /** From `from` to below `below`. */
  between(from: number, below: number): number
  whole(from: number, to: number): number
  chance(share: number): boolean
  pick<T>(items: readonly T[]): T
}

/** mulberry32: small, and the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed | 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (from: number, below: number) => from + (below - from) * next()
  const whole = (from: number, to: number) => Math.floor(between(from, to + 1))
  return {
    seed,
    between,
    whole,
    chance: (share) => next() < share,
    pick<T>(items: readonly T[]): T {
      const item = items[whole(0, items.length - 1)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
  }
}
