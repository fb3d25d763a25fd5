import { addressPart, readAddress } from './address.ts'
import type { Evidence } from './evidence.ts'
import { nearest } from './found.ts'
import { signatureOf } from './lines.ts'
import { REFERENCE_WORDS, referenceTo } from './references.ts'
import { ownerOf, restOf } from './rest.ts'
import { maxLength, shortened, summaryOf, titleOf } from './summary.ts'
import type { Wanted } from './wanted.ts'
import { stem, stems, wordsOf } from './words.ts'

/** What a string's name or rule says that it holds. The first row that fits counts. */
const KINDS = {
  email: stems('email mail'),
  url: stems('url uri link website homepage'),
  phone: stems('phone telephone mobile fax tel'),
  currency: stems('currency'),
  language: stems('language locale lang'),
  date: stems('date day deadline birthday'),
  owner: stems('owner assignee responsible'),
  summary: stems('summary abstract overview gist synopsis digest'),
  title: stems('title subject headline topic'),
  question: stems('question'),
  rest: stems('name description item product task action step label text content'),
}
type Kind = keyof typeof KINDS | 'reference' | 'plain'

const PERSONS = stems('customer contact sender person requester caller signer full author buyer')
const NAME = stem('name')
const COUNTRY = stem('country')
const INTRODUCTION = /(?<![\p{L}])(?:[Mm]y name is|[Tt]his is) ((?:\p{Lu}[\p{L}'’-]{0,30} ?){1,4})/u

/** A string by its kind. What stands behind the field's own label is taken as it is where its kind has no form. */
export function readString(wanted: Wanted, near: readonly string[], evidence: Evidence): string | undefined {
  const only = oneOf(wanted, evidence)
  if (only !== undefined) return only
  const { words, rules } = wanted
  const { text } = evidence
  const value = evidence.part === 'value'
  switch (kindOf(wanted)) {
    case 'email':
      return value ? evidence.emails()[0]?.value : closest(evidence.emails(), wanted, 'email', evidence)
    case 'url':
      return value ? evidence.urls()[0]?.value : closest(evidence.urls(), wanted, 'url', evidence)
    case 'phone':
      return value ? (evidence.phones()[0]?.value ?? text) : closest(evidence.phones(), wanted, 'phone', evidence)
    case 'currency':
      return nearest(text, evidence.amounts(), near)?.currency
    case 'language':
      return value ? text : evidence.language()
    case 'date':
      return nearest(text, evidence.dates(), value ? [] : specific(words, KINDS.date))?.day
    case 'owner':
      return value ? text : evidence.part === 'line' ? ownerOf(text) : undefined
    case 'reference':
      return value ? (evidence.references()[0]?.value ?? text) : referenceTo(text, evidence.references(), words)
    case 'summary':
      return value ? shortened(text, maxLength(rules)) : summaryOf(evidence, rules)
    case 'title':
      return value ? shortened(text, maxLength(rules)) : titleOf(evidence, rules)
    case 'question':
      return value ? text : evidence.allSentences().findLast((sentence) => sentence.endsWith('?'))
    case 'rest':
      if (value) return text
      return evidence.part === 'line' ? restOf(evidence) : personIn(wanted, evidence)
    case 'plain':
      return value ? text : undefined
  }
}

/** Every text of a list's kind, for those kinds that are recognised by their form. */
export function readStrings(wanted: Wanted, evidence: Evidence): string[] {
  switch (kindOf(wanted)) {
    case 'email':
      return distinct(evidence.emails().map((found) => found.value))
    case 'url':
      return distinct(evidence.urls().map((found) => found.value))
    case 'phone':
      return distinct(evidence.phones().map((found) => found.value))
    case 'date':
      return distinct(evidence.dates().map((found) => found.value.day))
    case 'currency':
      return distinct(evidence.amounts().map((found) => found.value.currency))
    case 'question':
      return evidence.allSentences().filter((sentence) => sentence.endsWith('?'))
    default:
      return []
  }
}

/** A part of an address out of the text that stands behind the address's label. */
export function readAddressPart(wanted: Wanted, evidence: Evidence): string | undefined {
  const part = addressPart(wanted.words)
  return part && readAddress(evidence.text, part)
}

const kinds = new WeakMap<Wanted, Kind>()

function kindOf(wanted: Wanted): Kind {
  let kind = kinds.get(wanted)
  if (!kind) {
    kind = kindByRule(wanted) ?? kindByName(wanted.words)
    kinds.set(wanted, kind)
  }
  return kind
}

function kindByRule({ rules }: Wanted): Kind | undefined {
  if (rules?.type.case !== 'string' || rules.type.value.wellKnown.value !== true) return undefined
  const { case: format } = rules.type.value.wellKnown
  return format === 'email' ? 'email' : format === 'uri' ? 'url' : undefined
}

function kindByName(words: readonly string[]): Kind {
  if (words.includes(COUNTRY)) return 'plain'
  const has = (set: ReadonlySet<string>): boolean => words.some((word) => set.has(word))
  const named = (Object.keys(KINDS) as (keyof typeof KINDS)[]).filter((kind) => has(KINDS[kind]))
  const [first] = named
  if (first !== undefined && first !== 'rest') return first
  const last = words.at(-1) ?? ''
  return REFERENCE_WORDS.has(last) || last === 'sku' ? 'reference' : (first ?? 'plain')
}

/** The value that the rules dictate, or the one of their list all words of which are in the text. */
function oneOf({ rules }: Wanted, evidence: Evidence): string | undefined {
  if (rules?.type.case !== 'string') return undefined
  const { const: fixed, in: values } = rules.type.value
  if (fixed !== '') return fixed
  return values.find((value) => wordsOf(value).every((word) => evidence.words().has(word)))
}

function closest(
  found: ReturnType<Evidence['emails']>,
  { words }: Wanted,
  kind: 'email' | 'url' | 'phone',
  { text }: Evidence,
): string | undefined {
  return nearest(text, found, specific(words, KINDS[kind])) ?? found[0]?.value
}

function specific(words: readonly string[], kind: ReadonlySet<string>): string[] {
  return words.filter((word) => !kind.has(word) && word !== 'address' && word !== 'number')
}

function personIn({ words }: Wanted, { body }: Evidence): string | undefined {
  if (!words.includes(NAME) || !words.some((word) => PERSONS.has(word))) return undefined
  return INTRODUCTION.exec(body)?.[1]?.trim() ?? signatureOf(body)
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)]
}
