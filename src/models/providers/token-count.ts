/** What a column of the ledger holds. */
const MAX_TOKENS = 2 ** 31 - 1

/** A vendor's count of tokens; `otherwise` where it told none, or what cannot be one. */
export function tokenCount(told: unknown, otherwise = 0): number {
  return typeof told === 'number' && Number.isInteger(told) && told >= 0 && told <= MAX_TOKENS ? told : otherwise
}
