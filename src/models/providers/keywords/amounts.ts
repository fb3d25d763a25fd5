import type { Found } from './found.ts'
import type { Decimal } from './numbers.ts'

/** An amount of money: what was written, and its currency in ISO 4217. */
export type Amount = Decimal & { currency: string }

const SIGNS: Readonly<Record<string, string>> = {
  '€': 'EUR',
  $: 'USD',
  '£': 'GBP',
  '¥': 'JPY',
  '₹': 'INR',
  '₩': 'KRW',
  '₺': 'TRY',
  '₽': 'RUB',
  '₴': 'UAH',
  '₪': 'ILS',
}
const CODES =
  'AED|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RON|RUB|SAR|SEK|SGD|THB|TRY|UAH|USD|ZAR'
const WORDS: Readonly<Record<string, string>> = {
  euro: 'EUR',
  euros: 'EUR',
  dollar: 'USD',
  dollars: 'USD',
  pound: 'GBP',
  pounds: 'GBP',
  franc: 'CHF',
  francs: 'CHF',
}
const BEFORE = new RegExp(`([€$£¥₹₩₺₽₴₪])[ \\u00a0]?-?$|(?<![A-Z])(${CODES})[ \\u00a0]?-?$`)
const AFTER = new RegExp(
  `^[ \\u00a0]?(?:([€$£¥₹₩₺₽₴₪])|(${CODES})(?![A-Za-z])|([Ee]uros?|dollars?|pounds?|francs?)(?![a-z]))`,
)
const NO_MINOR_UNITS = new Set(['JPY', 'KRW'])

/** Those of the numbers in a text that have a currency beside them: `€12.50`, `12,50 EUR`, `USD 1,200`, `5 euros`. */
export function findAmounts(text: string, numbers: readonly Found<Decimal>[]): Found<Amount>[] {
  return numbers.flatMap(({ value, start, end }) => {
    const before = BEFORE.exec(text.slice(Math.max(0, start - 6), start))
    const after = AFTER.exec(text.slice(end, end + 9))
    const sign = before?.[1] ?? after?.[1]
    const currency = before?.[2] ?? after?.[2] ?? (sign ? SIGNS[sign] : WORDS[after?.[3]?.toLowerCase() ?? ''])
    if (currency === undefined) return []
    const from = start - (before?.[0].length ?? 0)
    return [{ value: { ...grouped(value), currency }, start: from, end: end + (before ? 0 : (after?.[0].length ?? 0)) }]
  })
}

/** Money has no three decimals: what stands before them groups thousands. */
function grouped(value: Decimal): Decimal {
  return value.fraction.length === 3 ? { ...value, whole: value.whole + value.fraction, fraction: '' } : value
}

/** In the smallest unit of its currency: 1250 for 12.50 EUR. */
export function inMinorUnits(amount: Amount): Decimal {
  if (NO_MINOR_UNITS.has(amount.currency)) return amount
  const { whole, fraction } = amount
  return {
    negative: amount.negative,
    whole: (whole + fraction.padEnd(2, '0').slice(0, 2)).replace(/^0+(?=\d)/, ''),
    fraction: fraction.slice(2),
  }
}

/** The part after the point in billionths, as google.type.Money has it beside its whole `units`. */
export function nanosOf(amount: Amount): Decimal {
  return {
    negative: amount.negative,
    whole: amount.fraction
      .padEnd(9, '0')
      .slice(0, 9)
      .replace(/^0+(?=\d)/, ''),
    fraction: '',
  }
}
