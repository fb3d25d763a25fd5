import type { Message } from '@bufbuild/protobuf'
import type { Method } from '../../../contracts/method.ts'
import { type Amount, findAmounts } from './amounts.ts'
import type { Found } from './found.ts'
import { type Lines, readLines, sentencesOf } from './lines.ts'
import { type Decimal, findNumbers } from './numbers.ts'
import { type Entry, entriesOf, jsonOf, stringsOf } from './request.ts'
import { findDates, type When } from './times.ts'
import { stems, wordsOf } from './words.ts'

/** How much of a request's text is looked at, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 64 * 1024

/**
 * A text and what can be read off it, each kind looked for when it is first asked for. `entries` are the request's fields
 * when the text is the request's, and empty when it is a part of it: a line of a list, the value of a label.
 */
export class Evidence {
  readonly text: string
  /** The longest single text, which is taken for the one that matters: a mail's body rather than its subject. */
  readonly body: string
  readonly entries: readonly Entry[]
  readonly part: 'request' | 'line' | 'value'
  readonly #given: ReadonlyMap<string, string>
  #words: ReadonlySet<string> | undefined
  #lines: Lines | undefined
  #labels: ReadonlyMap<string, string> | undefined
  #sentences: readonly string[] | undefined
  #numbers: readonly Found<Decimal>[] | undefined
  #amounts: readonly Found<Amount>[] | undefined
  #dates: readonly Found<When>[] | undefined

  constructor(
    part: 'request' | 'line' | 'value',
    texts: readonly string[],
    entries: readonly Entry[] = [],
    given: ReadonlyMap<string, string> = new Map(),
  ) {
    this.part = part
    this.text = texts.join('\n\n')
    this.body = texts.reduce((longest, text) => (text.length > longest.length ? text : longest), '')
    this.entries = entries
    this.#given = given
  }

  /** The stems of all words. */
  get words(): ReadonlySet<string> {
    this.#words ??= new Set(wordsOf(this.text))
    return this.#words
  }

  get lines(): Lines {
    this.#lines ??= readLines(this.text)
    return this.#lines
  }

  get sentences(): readonly string[] {
    this.#sentences ??= sentencesOf(this.body)
    return this.#sentences
  }

  get numbers(): readonly Found<Decimal>[] {
    this.#numbers ??= findNumbers(this.text)
    return this.#numbers
  }

  get amounts(): readonly Found<Amount>[] {
    this.#amounts ??= findAmounts(this.text, this.numbers)
    return this.#amounts
  }

  get dates(): readonly Found<When>[] {
    this.#dates ??= findDates(this.text)
    return this.#dates
  }

  /** What stands behind the first of these names (in stems) in a field of the request or as `Name: value` in the text. */
  label(names: readonly (readonly string[])[]): string | undefined {
    this.#labels ??= labelsOf(this.lines, this.#given)
    for (const name of names) {
      const value = this.#labels.get(name.join(' ')) ?? this.#labels.get(withoutSuffix(name).join(' '))
      if (name.length > 0 && value !== undefined) return value
    }
    return undefined
  }
}

const SUFFIXES = stems('id number no nr ref reference date time at on address code name')

/** `order id`, `order number` and `order` are one label, and so are `due`, `due date` and `due time`. */
function withoutSuffix(name: readonly string[]): readonly string[] {
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
  return new Evidence('request', texts, entries, scalars(method, entries))
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
    const { field, single } = entry
    if (!single || (field.fieldKind !== 'scalar' && field.fieldKind !== 'enum')) continue
    const value = jsonOf(entry, method.registry)
    const name = wordsOf(field.name.replaceAll('_', ' ')).join(' ')
    if (value !== undefined && !labels.has(name)) labels.set(name, String(value).slice(0, 1_000).toWellFormed())
  }
  return labels
}
