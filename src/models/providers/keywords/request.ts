import { type DescField, type JsonValue, type Message, type Registry, toJson } from '@bufbuild/protobuf'
import { isReflectList, isReflectMap, isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import type { Method } from '../../../contracts/method.ts'

/** A field of the request that is set, in the message that has it. */
export type Entry = {
  field: DescField
  message: ReflectMessage
  /** The name of the field that holds the message; empty for the request itself. */
  holder: string
  /** False inside a list or a map, where there is no telling which of its elements is meant. */
  single: boolean
}

/** As deep as the wire format may nest messages. */
const MAX_DEPTH = 100
const MAX_ENTRIES = 5_000

/** The set fields of a request in their order, with those of its messages. Unknown fields are not among them. */
export function entriesOf(method: Method, request: Message): Entry[] {
  const entries: Entry[] = []
  const visit = (message: ReflectMessage, holder: string, single: boolean, depth: number): void => {
    if (depth > MAX_DEPTH) return
    for (const field of message.sortedFields) {
      if (!message.isSet(field)) continue
      if (entries.length >= MAX_ENTRIES) return
      entries.push({ field, message, holder, single })
      const value: unknown = message.get(field)
      if (isReflectMessage(value)) visit(value, field.name, single, depth + 1)
      for (const inner of elements(value)) if (isReflectMessage(inner)) visit(inner, field.name, false, depth + 1)
    }
  }
  visit(reflect(method.input, request), '', true, 0)
  return entries
}

/** The elements of a list or a map's values; nothing for a single value. */
function elements(value: unknown): Iterable<unknown> {
  if (isReflectList(value)) return value
  return isReflectMap(value) ? value.values() : []
}

/** The strings that a field holds itself: its value, its elements, a map's values. */
export function stringsOf({ field, message }: Entry): string[] {
  const value: unknown = message.get(field)
  if (typeof value === 'string') return [value]
  return [...elements(value)].filter((inner) => typeof inner === 'string')
}

/** The JSON of a field's value. Undefined for what has none: a Timestamp out of its range, an Any of an unknown type. */
export function jsonOf({ field, message }: Entry, registry: Registry): JsonValue | undefined {
  const alone = reflect(message.desc)
  try {
    alone.set(field, message.get(field))
    const json = toJson(message.desc, alone.message, { registry })
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? json[field.jsonName] : undefined
  } catch {
    return undefined
  }
}

const GENERIC = new Set('name id text value type kind code number status title description note comment'.split(' '))

/** Whether a field's name says nothing unless what holds it is known. */
export function isGeneric({ name }: DescField): boolean {
  return GENERIC.has(name)
}

/** How many elements the request's lists have, at all depths, whose name or type ends with a word. */
export function countOf(entries: readonly Entry[], matches: (name: string) => boolean): number | undefined {
  const sizes = entries.flatMap(({ field, message }) => {
    if (field.fieldKind !== 'list') return []
    const names = [field.name, field.message?.name ?? '']
    return names.some(matches) ? [message.get(field).size] : []
  })
  return sizes.length > 0 ? sizes.reduce((sum, size) => sum + size, 0) : undefined
}
