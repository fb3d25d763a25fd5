import { around, type Found, MAX_FOUND } from './found.ts'
import { synonymsOf } from './synonyms.ts'
import { isIsoDate } from './times.ts'
import { stems } from './words.ts'

/** Words of a name that say that it is a reference, not to what. */
export const REFERENCE_WORDS = stems('id identifier number no nr num ref reference code')
const ARTICLE_WORDS = stems('sku part article product model item')
const CONNECTING = stems('is was the my our your with of nr n nº n° numero número ist lautet')
const ARTICLE = /^[A-Z][A-Z0-9]*-[A-Z0-9-]*\d[A-Z0-9-]*$/
const TOKEN = /(?<![\p{L}\p{N}@/_.-])[A-Za-z0-9]+(?:[-_/][A-Za-z0-9]+)*(?![\p{L}\p{N}@_-])/gu

/** What may be a reference: letters, digits, `-`, `_` and `/`, three to forty characters, with a digit. */
export function findReferences(text: string): Found<string>[] {
  const found: Found<string>[] = []
  for (const { 0: value, index } of text.matchAll(TOKEN)) {
    if (value.length < 3 || value.length > 40 || !/\d/.test(value) || isIsoDate(value)) continue
    found.push({ value, start: index, end: index + value.length })
    if (found.length >= MAX_FOUND) break
  }
  return found
}

/**
 * The reference to what a field's name says: `order 48213`, `Order no. A-77`, `order #48213`, or `INV-2041` for an invoice.
 * For an article also a code in capitals with a hyphen that nothing introduces. A name that only says `reference` or `id` is satisfied by those words.
 */
export function referenceTo(
  text: string,
  found: readonly Found<string>[],
  words: readonly string[],
  fits: (value: string) => boolean,
): string | undefined {
  const subject = words.filter((word) => !REFERENCE_WORDS.has(word))
  const wanted = new Set((subject.length > 0 ? subject : words).flatMap(synonymsOf))
  const article = subject.some((word) => ARTICLE_WORDS.has(word))
  const meant = found.find((each) => {
    if (!fits(each.value)) return false
    const introduced = introducedBy(around(text, each).before, subject.length > 0)
    return wanted.has(introduced) || hasPrefix(each.value, subject)
  })
  if (meant || !article) return meant?.value
  return found.find(({ value }) => ARTICLE.test(value) && fits(value))?.value
}

/** The word before a token, past `number`, `#`, `is` and their like. */
function introducedBy(before: readonly string[], skipReferenceWords: boolean): string {
  const skipped = (word: string): boolean => CONNECTING.has(word) || (skipReferenceWords && REFERENCE_WORDS.has(word))
  return before.find((word) => !skipped(word)) ?? ''
}

/** `ORD-7` or `INV2041` for `order` and `invoice`. */
function hasPrefix(token: string, subject: readonly string[]): boolean {
  const [prefix = ''] = /^[A-Za-z]{3,}/.exec(token) ?? []
  return prefix !== '' && subject.some((word) => word.startsWith(prefix.toLowerCase()))
}
