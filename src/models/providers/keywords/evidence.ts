import type { Message } from '@bufbuild/protobuf'
import type { Method } from '../../../contracts/method.ts'
import { findAmounts } from './amounts.ts'
import { findEmails, findUrls } from './contacts.ts'
import { findDates } from './dates.ts'
import { languageOf } from './language.ts'
import { once } from './lazy.ts'
import { type Lines, readLines, sentencesOf } from './lines.ts'
import { findNames } from './names.ts'
import { findNumbers } from './numbers.ts'
import { findPhones } from './phones.ts'
import { findReferences } from './references.ts'
import { type Entry, entriesOf, isGeneric, jsonOf, stringsOf } from './request.ts'
import { termsOf } from './terms.ts'
import { findDurations } from './times.ts'
import { nameWords, rawWords, stems, stemsIn, wordsOf } from './words.ts'

/** How much of a request's text is looked at, in bytes of UTF-8. */
const MAX_TEXT_BYTES = 64 * 1024

const MAX_SPOKEN = 1_000

/**
 * What a text is: the request's, the block or value behind the label of a message, a line of a list, or the value behind the
 * label of a field, which is taken for the field's own.
 */
type Part = 'request' | 'section' | 'line' | 'value'

type Context = {
  entries?: readonly Entry[]
  /** Labels that do not stand in the text. */
  given?: ReadonlyMap<string, string>
  reference: Date | undefined
  method: Method | undefined
  whole?: Evidence
}

/**
 * A text and what can be read off it, each kind looked for when it is first asked for. `entries` are the request's fields
 * when the text is the request's, and empty when it is a part of it: a line of a list, the value of a label.
 */
export class Evidence {
  readonly text: string
  /** The first text that is at least half as long as the longest: a mail's body rather than its subject. */
  readonly body: string
  readonly entries: readonly Entry[]
  readonly part: Part
  /** When the request says that it was written. */
  readonly reference: Date | undefined
  /** Whose rules the answer has to keep. */
  readonly method: Method | undefined
  readonly words = once(() => new Set(wordsOf(this.text)))
  readonly terms = once(() => termsOf(this.text, this.language()))
  readonly lines = once(() => readLines(this.text))
  /** Of the body, without what is no prose. */
  readonly sentences = once(() => sentencesOf(this.body))
  readonly allSentences = once(() => this.#texts.flatMap(sentencesOf))
  /** The sentences and lines of the whole text, word by word. */
  readonly spoken = once(() =>
    this.text.split(/[.!?。！？\n]/, MAX_SPOKEN).map((sentence) => spokenWords(sentence, this.language())),
  )
  readonly numbers = once(() => findNumbers(this.text))
  readonly amounts = once(() => findAmounts(this.text, this.numbers()))
  readonly dates = once(() => findDates(this.text, this.language(), this.reference))
  readonly durations = once(() => findDurations(this.text))
  readonly references = once(() => findReferences(this.text))
  readonly emails = once(() => findEmails(this.text))
  readonly urls = once(() => findUrls(this.text))
  readonly phones = once(() => findPhones(this.text, this.language()))
  readonly names = once(() => findNames(this.text))
  readonly language = once((): string | undefined => languageOf(this.text) ?? this.#whole?.language())
  readonly #labels = once(() => labelsOf(this.lines(), this.#given))
  readonly #texts: readonly string[]
  readonly #given: ReadonlyMap<string, string>
  readonly #whole: Evidence | undefined

  constructor(part: Part, texts: readonly string[], from: Context) {
    this.part = part
    this.#texts = texts
    this.text = texts.join('\n\n')
    const longest = texts.reduce((most, text) => Math.max(most, text.length), 0)
    this.body = texts.find((text) => text.length * 2 >= longest) ?? ''
    this.entries = from.entries ?? []
    this.#given = from.given ?? new Map()
    this.reference = from.reference
    this.method = from.method
    this.#whole = from.whole
  }

  /** A part of this text, in its language and of its time. */
  within(part: Part, text: string): Evidence {
    return new Evidence(part, [text], { reference: this.reference, method: this.method, whole: this })
  }

  /** What stands behind the first of these names (in stems) in a field of the request or as `Name: value` in the text. */
  label(names: readonly (readonly string[])[]): string | undefined {
    for (const name of names) {
      const value = this.#labels().get(name.join(' ')) ?? this.#labels().get(withoutSuffix(name).join(' '))
      if (name.length > 0 && value !== undefined) return value
    }
    return undefined
  }
}

/** A word as it is written, its stems, and whether a comma or its like follows. */
type Spoken = { written: string; forms: readonly string[]; endsClause: boolean }

function spokenWords(sentence: string, language: string | undefined): Spoken[] {
  return sentence.split(/[,;:()–—]/).flatMap((clause) => {
    const words = rawWords(clause)
    return words.map((written, index) => ({
      written,
      forms: stemsIn(written, language),
      endsClause: index === words.length - 1,
    }))
  })
}

const SUFFIXES = stems('id number no nr ref reference date time at on to address code name')

/** `order id`, `order number` and `order` are one label, and so are `due`, `due date` and `due time`. */
export function withoutSuffix(name: readonly string[]): readonly string[] {
  const last = name.at(-1)
  return name.length > 1 && last !== undefined && SUFFIXES.has(last) ? name.slice(0, -1) : name
}

function labelsOf(lines: Lines, given: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const labels = new Map(given)
  for (const { key, value } of lines.labels) {
    const name = wordsOf(key)
    for (const each of [name, withoutSuffix(name)]) if (!labels.has(each.join(' '))) labels.set(each.join(' '), value)
  }
  return labels
}

/** The evidence in a request: the first 64 KiB of its strings in the order of its fields, and the fields themselves. */
export function evidenceOf(method: Method, request: Message): Evidence {
  const entries = entriesOf(method, request)
  const texts: string[] = []
  let room = MAX_TEXT_BYTES
  for (const text of entries.flatMap(stringsOf)) {
    const kept = cut(text.toWellFormed(), room)
    if (kept !== '') texts.push(kept)
    room -= Buffer.byteLength(kept)
    if (kept.length < text.length) break
  }
  return new Evidence('request', texts, {
    entries,
    given: scalars(method, entries),
    reference: referenceOf(method, entries),
    method,
  })
}

/** The first Timestamp of the request itself: what is said of tomorrow is said on that day. */
function referenceOf(method: Method, entries: readonly Entry[]): Date | undefined {
  for (const entry of entries) {
    if (entry.field.message?.typeName !== 'google.protobuf.Timestamp' || entry.field.fieldKind !== 'message') continue
    const json = jsonOf(entry, method.registry)
    if (typeof json === 'string') return new Date(json)
  }
  return undefined
}

/** The start of a text that fits into a number of bytes, without half a character at its end. */
function cut(text: string, bytes: number): string {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(bytes)).read)
}

/** The request's fields that are short texts, numbers or enums, as labels: a text field may say what a typed one asks for. */
function scalars(method: Method, entries: readonly Entry[]): Map<string, string> {
  const labels = new Map<string, string>()
  for (const entry of entries) {
    const { field, holder, single } = entry
    if (!single || (field.fieldKind !== 'scalar' && field.fieldKind !== 'enum')) continue
    const value = jsonOf(entry, method.registry)
    if (value === undefined) continue
    const names = [...nameWords(holder), ...nameWords(field.name)].join(' ')
    for (const name of isGeneric(field) ? [names] : [names, nameWords(field.name).join(' ')]) {
      if (!labels.has(name)) labels.set(name, String(value).slice(0, 1_000).toWellFormed())
    }
  }
  return labels
}
