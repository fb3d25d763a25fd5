import { ScalarType } from '@bufbuild/protobuf'
import { around, type Found, MAX_FOUND } from './found.ts'
import { COUNTING_WORDS, wordValue } from './number-words.ts'
import { stems } from './words.ts'

/** A number as it was written, in digits: `-1,234.50` is `{ negative: true, whole: '1234', fraction: '50' }`. */
export type Decimal = { negative: boolean; whole: string; fraction: string }

const NUMBER = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:\\d{1,3}(?:[\\u00a0\\u202f]\\d{3})+(?:[.,]\\d+)?|\\d{1,3}(?: \\d{3}){1,5}[.,]\\d\\d(?!\\d)|\\d+(?:[.,']\\d+)*)|(?<![\\p{L}\\p{N}-])(?:${COUNTING_WORDS.join('|')})(?![\\p{L}\\p{N}-])`,
  'giu',
)

/** Numbers of at most 24 characters, in digits or, up to twelve, in words. */
export function findNumbers(text: string): Found<Decimal>[] {
  const found: Found<Decimal>[] = []
  for (const match of text.matchAll(NUMBER)) {
    const [token] = match
    if (token.length > 24) continue
    const negative = /(?:^|[\s(:=])[-−]$/.test(text.slice(Math.max(0, match.index - 2), match.index))
    const spelt = wordValue(token.toLowerCase())
    const value =
      spelt === undefined ? parseDecimal(token.replaceAll(/\s/g, '')) : { whole: String(spelt), fraction: '' }
    found.push({ value: { negative, ...value }, start: match.index, end: match.index + token.length })
    if (found.length >= MAX_FOUND) break
  }
  return found
}

/** Of two kinds of separator the last is the decimal point; one that is followed by three digits groups thousands, unless it is a point. */
function parseDecimal(token: string): { whole: string; fraction: string } {
  const last = Math.max(token.lastIndexOf('.'), token.lastIndexOf(','), token.lastIndexOf("'"))
  const separator = token.charAt(last)
  const repeated = token.indexOf(separator) !== last
  const mixed = /[.,']/.test(token.slice(0, Math.max(last, 0)).replaceAll(separator, ''))
  const digits = token.length - last - 1
  const grouping = last < 0 || repeated || separator === "'" || (separator === ',' && digits === 3 && !mixed)
  const whole = grouping ? token : token.slice(0, last)
  return { whole: trimZeros(whole.replaceAll(/\D/g, '')), fraction: grouping ? '' : token.slice(last + 1) }
}

function trimZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '')
}

const LINKS = stems('of is are was no number nr about only')

/** The number that stands directly before or after one of the words: `4 nights`, `rating: 4`, `a rating of 4`. */
export function numberBeside(
  text: string,
  numbers: readonly Found<Decimal>[],
  words: readonly string[],
  fits: (value: Decimal) => boolean,
): Decimal | undefined {
  return numbers.find((number) => {
    if (!fits(number.value)) return false
    const {
      before: lead,
      after: [after],
    } = around(text, number)
    const before = lead.find((word) => !LINKS.has(word))
    return (after !== undefined && words.includes(after)) || (before !== undefined && words.includes(before))
  })?.value
}

const QUANTITY =
  /(?<![\p{L}\p{N}.,-])(\d{1,6}) ?(?:x|×|pcs|pieces?|units?|boxes|packs?|bags?|sets?|pairs?|crates?|bottles?|rolls?)(?![\p{L}\p{N}])/iu
const TIMES = /(?<![\p{L}\p{N}])(?:x|×|qty:?|quantity:?) ?(\d{1,6})(?![\p{L}\p{N}.,]\d|[\p{L}\p{N}])/iu

/** How many of something: `3 x Widget`, `Widget x 3`, `2 boxes of gloves`, `qty: 4`. */
export function findQuantity(text: string): Found<Decimal> | undefined {
  const match = QUANTITY.exec(text) ?? TIMES.exec(text)
  if (!match) return undefined
  const value = { negative: false, whole: trimZeros(match[1] ?? ''), fraction: '' }
  return { value, start: match.index, end: match.index + match[0].length }
}

/** A number in the JSON form of a scalar type; undefined when the type does not hold it. */
export function numberJson(type: ScalarType, { negative, whole, fraction }: Decimal): number | string | undefined {
  const sign = negative ? '-' : ''
  if (type === ScalarType.DOUBLE || type === ScalarType.FLOAT) return Number(`${sign}${whole}.${fraction || '0'}`)
  const [low, high] = RANGES.get(type) ?? [0n, -1n]
  if (/[1-9]/.test(fraction)) return undefined
  const value = BigInt(`${sign}${whole}`)
  if (value < low || value > high) return undefined
  return high > 0xffffffffn ? value.toString() : Number(value)
}

const INT32 = [-(2n ** 31n), 2n ** 31n - 1n] as const
const UINT32 = [0n, 2n ** 32n - 1n] as const
const INT64 = [-(2n ** 63n), 2n ** 63n - 1n] as const
const UINT64 = [0n, 2n ** 64n - 1n] as const
const RANGES: ReadonlyMap<ScalarType, readonly [bigint, bigint]> = new Map([
  [ScalarType.INT32, INT32],
  [ScalarType.SINT32, INT32],
  [ScalarType.SFIXED32, INT32],
  [ScalarType.UINT32, UINT32],
  [ScalarType.FIXED32, UINT32],
  [ScalarType.INT64, INT64],
  [ScalarType.SINT64, INT64],
  [ScalarType.SFIXED64, INT64],
  [ScalarType.UINT64, UINT64],
  [ScalarType.FIXED64, UINT64],
])
