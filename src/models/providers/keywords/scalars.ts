import { type JsonValue, ScalarType } from '@bufbuild/protobuf'
import { type Amount, inMinorUnits, nanosOf } from './amounts.ts'
import { readBoolean, stated } from './booleans.ts'
import type { Evidence } from './evidence.ts'
import { fits } from './fits.ts'
import { nearest } from './found.ts'
import { type Decimal, findQuantity, numberBeside, numberJson } from './numbers.ts'
import { readString } from './strings.ts'
import type { Wanted } from './wanted.ts'
import { stems } from './words.ts'

const MONEY = stems('price amount cost fee fare budget money charge minor cent nanos')
const MONEY_AT_END = stems('total sum balance')
/** Words of money that do not say which money; the rest of a name must stand near the amount. */
const ANY_MONEY = stems('price amount cost money minor cent unit units nanos value each per in currency code')
const QUANTITY = stems('quantity qty pieces')

/** A scalar in the JSON form of its type. `holder` are the words of the field that holds the message. */
export function readScalar(
  type: ScalarType,
  wanted: Wanted,
  holder: readonly string[],
  evidence: Evidence,
): JsonValue | undefined {
  switch (type) {
    case ScalarType.STRING:
      return readString(wanted, whichMoney(wanted, holder, evidence), evidence)
    case ScalarType.BOOL:
      return evidence.part === 'value'
        ? readBoolean(evidence.text)
        : stated([wanted.words, ...wanted.aliases], evidence)
    case ScalarType.BYTES:
      return undefined
    default: {
      const number = readNumber(type, wanted, holder, evidence)
      return number && numberJson(type, number)
    }
  }
}

function readNumber(
  type: ScalarType,
  wanted: Wanted,
  holder: readonly string[],
  evidence: Evidence,
): Decimal | undefined {
  const { words } = wanted
  const { text, part } = evidence
  const fitting = (number: Decimal): boolean => {
    const json = numberJson(type, number)
    return json !== undefined && fits(evidence.method, wanted.field, json)
  }
  if (isMoney(wanted)) {
    const amount = nearest(text, evidence.amounts(), whichMoney(wanted, holder, evidence), (each) =>
      fitting(moneyPart(words, type, each)),
    )
    if (amount) return moneyPart(words, type, amount)
  }
  if (part === 'value') return evidence.numbers().find(({ value }) => fitting(value))?.value
  if (words.some((word) => QUANTITY.has(word))) {
    const leading = part === 'line' ? evidence.numbers().find(({ start }) => start === 0)?.value : undefined
    return findQuantity(text)?.value ?? leading
  }
  return numberBeside(text, evidence.numbers(), words, fitting)
}

function moneyPart(words: readonly string[], type: ScalarType, amount: Amount): Decimal {
  if (words.includes('minor') || words.includes('cent')) return inMinorUnits(amount)
  if (words.includes('nano')) return nanosOf(amount)
  const integer = type !== ScalarType.DOUBLE && type !== ScalarType.FLOAT
  return words.at(-1) === 'unit' && integer ? { ...amount, fraction: '' } : amount
}

function isMoney({ words, field }: Wanted): boolean {
  const last = words.at(-1) ?? ''
  if (words.some((word) => MONEY.has(word)) || MONEY_AT_END.has(last)) return true
  // `units` are money's in a message that has a currency.
  return last === 'unit' && field.parent.fields.some(({ name }) => name.startsWith('currency'))
}

/** The words that must stand near an amount. Behind the money's own label it is the only one. */
function whichMoney({ words }: Wanted, holder: readonly string[], { part }: Evidence): string[] {
  if (part === 'value' || part === 'section') return []
  return [...holder, ...words].filter((word) => !ANY_MONEY.has(word))
}
