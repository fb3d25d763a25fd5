import { addressPart, readAddress } from './address.ts'
import type { Evidence } from './evidence.ts'
import { fits } from './fits.ts'
import { nearest } from './found.ts'
import { type NameKind, writerOf } from './names.ts'
import { formed } from './patterns.ts'
import { international } from './phones.ts'
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
type Kind = keyof typeof KINDS | NameKind | 'reference' | 'plain'

const PERSONS = stems(
  'customer contact sender person requester caller signer full author buyer user guest patient candidate manager driver doctor teacher applicant employee agent host tenant witness member client',
)
const PLACES = stems('place location destination origin venue region')
const CITIES = stems('city town')
const COUNTRY = stem('country')
const ORGANISATIONS = stems(
  'company organisation organization employer vendor supplier manufacturer merchant institution',
)
const WRITERS = stems('customer contact sender requester caller signer author buyer user guest')
const PEOPLE = stems('person people attendee participant speaker')
const NAME = stem('name')

/** A string by its kind. What stands behind the field's own label is taken as it is where its kind has no form. */
export function readString(wanted: Wanted, near: readonly string[], evidence: Evidence): string | undefined {
  const only = oneOf(wanted, evidence)
  if (only !== undefined) return only
  const value = byKind(wanted, near, evidence)
  if (value !== undefined && fits(evidence.method, wanted.field, value)) return value
  return adapted(wanted, value, evidence) ?? formed(wanted, evidence) ?? value
}

function byKind(wanted: Wanted, near: readonly string[], evidence: Evidence): string | undefined {
  const { words, rules, field } = wanted
  const { text } = evidence
  const value = evidence.part === 'value'
  const fitting = (each: string): boolean => fits(evidence.method, field, each)
  switch (kindOf(wanted)) {
    case 'email':
      return value ? evidence.emails()[0]?.value : closest(evidence.emails(), wanted, 'email', evidence)
    case 'url':
      return value ? evidence.urls()[0]?.value : closest(evidence.urls(), wanted, 'url', evidence)
    case 'phone':
      return value ? (evidence.phones()[0]?.value ?? text) : closest(evidence.phones(), wanted, 'phone', evidence)
    case 'currency':
      return nearest(text, evidence.amounts(), near, ({ currency }) => fitting(currency))?.currency
    case 'language':
      return value ? text : evidence.language()
    case 'date':
      return nearest(text, evidence.dates(), value ? [] : specific(words, KINDS.date), ({ day }) => fitting(day))?.day
    case 'owner':
      return value ? text : evidence.part === 'line' ? ownerOf(text) : undefined
    case 'reference':
      return value
        ? (evidence.references()[0]?.value ?? text)
        : referenceTo(text, evidence.references(), words, fitting)
    case 'summary':
      return value ? shortened(text, maxLength(rules)) : summaryOf(evidence, rules)
    case 'title':
      return value ? shortened(text, maxLength(rules)) : titleOf(evidence, rules)
    case 'question':
      return value ? text : evidence.allSentences().findLast((sentence) => sentence.endsWith('?') && fitting(sentence))
    case 'person':
      return value ? text : personIn(wanted, evidence)
    case 'place':
    case 'city':
    case 'country':
    case 'organisation':
      return value ? text : namedIn(wanted, evidence)
    case 'rest':
      return value ? shortened(text, maxLength(rules)) : evidence.part === 'line' ? restOf(evidence) : undefined
    case 'plain':
      return value ? shortened(text, maxLength(rules)) : undefined
  }
}

/** Another way to write a value, where the rules ask for it. */
function adapted({ field }: Wanted, value: string | undefined, { method }: Evidence): string | undefined {
  if (value === undefined) return undefined
  const others = [value.trim(), value.toUpperCase(), value.toLowerCase(), value.replaceAll(/[\s().-]/g, '')]
  const phone = international(value)
  return [...(phone === undefined ? [] : [phone]), ...others].find((other) => fits(method, field, other))
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
    case 'person':
    case 'place':
    case 'city':
    case 'country':
    case 'organisation':
      return distinct(evidence.names()[kindOf(wanted) as NameKind].map((found) => found.value))
    default:
      return []
  }
}

export function isAddressPart({ words }: Wanted): boolean {
  return addressPart(words) !== undefined
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
  if (words.includes(COUNTRY)) return words.some((word) => REFERENCE_WORDS.has(word)) ? 'plain' : 'country'
  if (words.some((word) => CITIES.has(word))) return 'city'
  const has = (set: ReadonlySet<string>): boolean => words.some((word) => set.has(word))
  const named = (Object.keys(KINDS) as (keyof typeof KINDS)[]).filter((kind) => has(KINDS[kind]))
  const [first] = named
  if (first !== undefined && first !== 'rest') return first
  const name = nameKind(words)
  if (name !== undefined) return name
  const last = words.at(-1) ?? ''
  return REFERENCE_WORDS.has(last) || last === 'sku' ? 'reference' : (first ?? 'plain')
}

/** `customer_name` and `person` are a person's, `company` and `vendor_name` an organisation's; `people` is a list of persons. */
function nameKind(words: readonly string[]): NameKind | undefined {
  const [last = ''] = words.slice(-1)
  const has = (set: ReadonlySet<string>): boolean => words.some((word) => set.has(word))
  if (has(ORGANISATIONS) && (ORGANISATIONS.has(last) || last === NAME)) return 'organisation'
  if (has(PLACES) && (PLACES.has(last) || last === NAME)) return 'place'
  if ((last === NAME && has(PERSONS)) || PEOPLE.has(last)) return 'person'
  return undefined
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
  { words, field }: Wanted,
  kind: 'email' | 'url' | 'phone',
  { text, method }: Evidence,
): string | undefined {
  const fitting = (each: string): boolean => fits(method, field, each)
  const first = found.find(({ value }) => fitting(value)) ?? found[0]
  return nearest(text, found, specific(words, KINDS[kind]), fitting) ?? first?.value
}

function specific(words: readonly string[], kind: ReadonlySet<string>): string[] {
  return words.filter((word) => !kind.has(word) && word !== 'address' && word !== 'number')
}

/** Who wrote the text, for those who write; else the person that the text names near the words of the field. */
function personIn({ words, field }: Wanted, { body, text, method, names, part }: Evidence): string | undefined {
  const fitting = (each: string): boolean => fits(method, field, each)
  const writer = words.some((word) => WRITERS.has(word)) && part !== 'line' ? writerOf(body) : undefined
  if (writer !== undefined && fitting(writer)) return writer
  return nearest(
    text,
    names().person,
    words.filter((word) => word !== NAME && !PEOPLE.has(word)),
    fitting,
  )
}

/** The place or organisation near the words of the field; the only one, where there is only one. */
function namedIn(wanted: Wanted, { text, method, names }: Evidence): string | undefined {
  const found = names()[kindOf(wanted) as NameKind]
  const fitting = (each: string): boolean => fits(method, wanted.field, each)
  const only = distinct(found.map(({ value }) => value))
  return nearest(text, found, wanted.words, fitting) ?? (only.length === 1 ? only[0] : undefined)
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)]
}
