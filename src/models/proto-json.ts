import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf'
import { repeatsKey } from '../contracts/json/keys.ts'
import type { FieldViolation } from '../errors/deed-error.ts'
import { isFreeForm, isWellKnown } from './schema.ts'

/** Where protobuf's own JSON parser stops too. */
const MAX_DEPTH = 100

/**
 * An answer in the form of responseSchema, as protobuf's JSON mapping: entries become maps, JSON text becomes JSON, and a
 * member of a oneof that is null is left out, as it is by models whose schemas have no optional properties. What is in the
 * JSON mapping already stays as it is, so a model may use either. Anything that fits neither is left for the parser to
 * refuse. A violation is what would be lost here: what stands in an entry beside its key and value, a key that is given
 * twice, one that JSON has rounded, JSON text that does not parse. `field` has the number of an entry, not its key.
 */
export function toProtoJson(desc: DescMessage, value: JsonValue): { value: JsonValue; violations: FieldViolation[] } {
  const violations: FieldViolation[] = []
  return { value: fromMessage(desc, value, { path: '', depth: 0, violations }), violations }
}

type Place = { path: string; depth: number; violations: FieldViolation[] }

function refuse({ path, violations }: Place, description: string): void {
  violations.push({ field: path, description, reason: 'json' })
}

function fromMessage(desc: DescMessage, given: JsonValue, place: Place): JsonValue {
  if (isFreeForm(desc)) return fromFreeForm(desc, given, place)
  if (isWellKnown(desc)) return given
  if (place.depth > MAX_DEPTH) {
    refuse(place, `nested more than ${MAX_DEPTH} levels deep`)
    return null
  }
  const value = typeof given === 'string' ? opened(given, 'must be an object, or the JSON text of one', place) : given
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const field = desc.fields.find((candidate) => candidate.jsonName === key || candidate.name === key)
      if (!field) return [[key, inner]]
      if (inner === null && field.oneof && !takesNull(field)) return []
      return [[key, fromField(field, inner, within(place, field))]]
    }),
  )
}

/** protobuf-es takes a null for a member that is set, unless it is a scalar; these may be. */
function takesNull({ message, enum: type }: DescField): boolean {
  return message?.typeName === 'google.protobuf.Value' || type?.typeName === 'google.protobuf.NullValue'
}

function within({ path, depth, violations }: Place, { name }: DescField): Place {
  return { path: path === '' ? name : `${path}.${name}`, depth: depth + 1, violations }
}

function fromField(field: DescField, value: JsonValue, place: Place): JsonValue {
  if (field.fieldKind === 'map') return fromMap(field, value, place)
  const desc = field.message
  if (!desc || value === null) return value
  if (field.fieldKind !== 'list') return fromMessage(desc, value, place)
  if (!Array.isArray(value)) return value
  return value.map((item, index) => fromMessage(desc, item, itemOf(place, index)))
}

function fromMap(field: DescField & { fieldKind: 'map' }, value: JsonValue, place: Place): JsonValue {
  const convert = (inner: JsonValue, at: Place) => (field.message ? fromMessage(field.message, inner, at) : inner)
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, convert(inner, place)]))
  }
  if (!Array.isArray(value)) return value
  const entries = new Map<string, JsonValue>()
  for (const [index, entry] of value.entries()) {
    const at = itemOf(place, index)
    if (!isEntry(entry)) {
      refuse(at, 'must be an entry of a map: an object with key and value, and nothing else')
      continue
    }
    const key = keyOf(field.mapKey, entry.key)
    if (key === undefined) refuse(at, `must have a key that is ${keyForm(field.mapKey)}`)
    else if (entries.has(key)) refuse(at, 'the same key is given twice')
    else entries.set(key, convert(entry.value, at))
  }
  return Object.fromEntries(entries)
}

function itemOf(place: Place, index: number): Place {
  return { ...place, path: `${place.path}[${index}]` }
}

function isEntry(entry: JsonValue): entry is { key: JsonValue; value: JsonValue } {
  return isObject(entry) && Object.keys(entry).length === 2 && 'key' in entry && 'value' in entry
}

/** The key as it stands in protobuf's JSON mapping; whether the text is that of such a key, the parser says. */
function keyOf(type: ScalarType, key: JsonValue): string | undefined {
  if (typeof key === 'string') return key
  if (type === ScalarType.BOOL) return typeof key === 'boolean' ? String(key) : undefined
  return type !== ScalarType.STRING && Number.isSafeInteger(key) ? String(key) : undefined
}

function keyForm(type: ScalarType): string {
  if (type === ScalarType.STRING) return 'a string'
  return type === ScalarType.BOOL ? '"true" or "false"' : 'a string of decimal digits'
}

/** A Value may be any JSON, so plain words are taken as a string; the others must be JSON text or the thing itself. */
function fromFreeForm(desc: DescMessage, given: JsonValue, place: Place): JsonValue {
  if (typeof given !== 'string') return given
  const words = desc.typeName === 'google.protobuf.Value' && !/^\s*[[{"]/.test(given) && parsed(given) === undefined
  return words ? given : opened(given, 'must be JSON text', place)
}

/** The JSON that a text holds; the text itself, with a violation, when it holds none or would lose something. */
function opened(text: string, expected: string, place: Place): JsonValue {
  const value = parsed(text)
  if (value === undefined) refuse(place, expected)
  else if (repeatsKey(text, value)) refuse(place, 'its JSON text gives a key twice')
  else return value
  return text
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
