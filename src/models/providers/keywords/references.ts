import { isDate } from './times.ts'
import { wordsBefore } from './found.ts'
import { stems } from './words.ts'

/** Words of a name that say that it is a reference, not to what. */
export const REFERENCE_WORDS = stems('id identifier number no nr num ref reference code')
const ARTICLE_WORDS = stems('sku part article product model item')
const CONNECTING = stems('is was the my our your with of')
const TOKEN = /(?<![\p{L}\p{N}@/_.-])[A-Za-z0-9]+(?:[-_/][A-Za-z0-9]+)*(?![\p{L}\p{N}@_-])/gu
const MAX_TOKENS = 5_000

/**
 * The reference to what a field's name says: `order 48213`, `Order no. A-77`, `order #48213`, or `INV-2041` for an invoice.
 * Letters, digits, `-`, `_` and `/`, three to forty characters, with a digit. For an article also a code in capitals with a
 * hyphen that nothing introduces. A name that only says `reference` or `id` is satisfied by those words.
 */
export function findReference(text: string, words: readonly string[]): string | undefined {
  const subject = words.filter((word) => !REFERENCE_WORDS.has(word))
  const wanted = new Set(subject.length > 0 ? subject : words)
  const article = subject.some((word) => ARTICLE_WORDS.has(word))
  let fallback: string | undefined
  let seen = 0
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (++seen > MAX_TOKENS) break
    if (!/\d/.test(token) || token.length < 3 || token.length > 40 || isDate(token)) continue
    if (wanted.has(introducedBy(text, index, subject.length > 0)) || hasPrefix(token, subject)) return token
    if (article && fallback === undefined && /^[A-Z]+[A-Z0-9]*-[A-Z0-9-]*\d[A-Z0-9-]*$/.test(token)) fallback = token
  }
  return fallback
}

/** The word before a token, past `number`, `#`, `is` and their like. */
function introducedBy(text: string, index: number, skipReferenceWords: boolean): string {
  const skipped = (word: string): boolean => CONNECTING.has(word) || (skipReferenceWords && REFERENCE_WORDS.has(word))
  return wordsBefore(text, index).find((word) => !skipped(word)) ?? ''
}

/** `ORD-7` or `INV2041` for `order` and `invoice`. */
function hasPrefix(token: string, subject: readonly string[]): boolean {
  const [prefix = ''] = /^[A-Za-z]{3,}/.exec(token) ?? []
  return prefix !== '' && subject.some((word) => word.startsWith(prefix.toLowerCase()))
}
