import { type DescField, type DescMessage, type JsonValue, ScalarType } from '@bufbuild/protobuf'
import { chooseEnums } from './enums.ts'
import type { Evidence } from './evidence.ts'
import { fittingElements } from './fits.ts'
import { isAction } from './lines.ts'
import { findQuantity } from './numbers.ts'
import { readScalar } from './scalars.ts'
import { readStrings } from './strings.ts'
import { maxLength, shortened } from './summary.ts'
import { topicsOf } from './topics.ts'
import type { Wanted } from './wanted.ts'
import { stems } from './words.ts'

const MAX_ELEMENTS = 100
const ANY_LIST = stems('item line entry point bullet list step action task todo product row note')
const ACTIONS = stems('action task todo step request')
const TOPICS = stems('tag keyword topic hashtag')

type ListField = DescField & { fieldKind: 'list' }
type Make = (desc: DescMessage, line: Evidence) => JsonValue | undefined

/** A list: out of its label, what is recognised by its form, or the lines of a list. Undefined when there is nothing. */
export function readList(field: ListField, wanted: Wanted, evidence: Evidence, make: Make): JsonValue[] | undefined {
  const all = elementsOf(field, wanted, evidence, make, MAX_ELEMENTS)
  const elements = fittingElements(evidence.method, field, all)
  return elements.length > 0 ? elements : undefined
}

function elementsOf(field: ListField, wanted: Wanted, evidence: Evidence, make: Make, max: number): JsonValue[] {
  const labelled = evidence.label([wanted.words])
  switch (field.listKind) {
    case 'enum':
      return chooseEnums(wanted, field.enum, labelled ? evidence.within('value', labelled) : evidence)
    case 'message':
      return messages(field.message, wanted, evidence, make, max)
    case 'scalar': {
      const parts = labelled?.split(/[,;\n]/, MAX_ELEMENTS).filter((part) => part.trim() !== '')
      const values = parts
        ? parts.map((part) => readScalar(field.scalar, wanted, [], evidence.within('value', part.trim())))
        : field.scalar === ScalarType.STRING
          ? strings(wanted, evidence)
          : []
      return [...new Set(values.filter((value) => value !== undefined))].slice(0, max)
    }
  }
}

function strings(wanted: Wanted, evidence: Evidence): string[] {
  const formed = readStrings(wanted, evidence)
  if (formed.length > 0) return formed
  if (wanted.words.some((word) => TOPICS.has(word))) return topicsOf(evidence.text)
  return linesFor(wanted, evidence).map((line) => shortened(line, maxLength(wanted.rules)))
}

function messages(desc: DescMessage, wanted: Wanted, evidence: Evidence, make: Make, max: number): JsonValue[] {
  if (desc.typeName === 'google.protobuf.Timestamp')
    return evidence
      .dates()
      .map(({ value }) => value.instant)
      .slice(0, max)
  if (desc.typeName === 'google.protobuf.Duration')
    return evidence
      .durations()
      .map(({ value }) => `${value}s`)
      .slice(0, max)
  if (evidence.part === 'line') return []
  const made: JsonValue[] = []
  for (const line of linesFor(wanted, evidence, true)) {
    const message = make(desc, evidence.within('line', line))
    if (message !== undefined) made.push(message)
    if (made.length >= max) break
  }
  return made
}

/** The rows of a table or the lines of a list in a text, whichever there are more of. */
export function recordsOf(evidence: Evidence): string[] {
  const { items, rows } = evidence.lines()
  return (rows.length > items.length ? rows : items).slice(0, MAX_ELEMENTS).map(({ text }) => text)
}

/**
 * The rows of a table, for messages and for names that say no more than that it is a list, where there are more than list lines.
 * Else the list lines under a heading that shares a word with the list's name. Without such a heading: all list lines, for messages
 * and for names that say no more than that it is a list; else the sentences that ask for something, for a list of actions;
 * else lines with a quantity, for messages.
 */
function linesFor({ words }: Wanted, evidence: Evidence, structured = false): string[] {
  const { items, rows } = evidence.lines()
  const under = items.filter((item) => item.heading.some((word) => words.includes(word)))
  const named = under.length > 0
  const any = structured || words.every((word) => ANY_LIST.has(word))
  if (!named && any && rows.length > items.length) {
    return rows.slice(0, MAX_ELEMENTS).map((row) => (structured ? row.text : (row.cells[0] ?? '')))
  }
  if (named || (any && items.length > 0)) return (named ? under : items).slice(0, MAX_ELEMENTS).map((item) => item.text)
  if (words.some((word) => ACTIONS.has(word))) return evidence.allSentences().filter(isAction).slice(0, MAX_ELEMENTS)
  if (!structured) return []
  return evidence.text
    .split('\n', 1_000)
    .filter((line) => findQuantity(line))
    .slice(0, MAX_ELEMENTS)
    .map((line) => line.trim())
}
