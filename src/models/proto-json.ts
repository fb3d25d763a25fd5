import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { FieldViolation } from '../errors/deed-error.ts'
import { isFreeForm, isWellKnown } from './schema.ts'

/** Where protobuf's own JSON parser stops too. */
const MAX_DEPTH = 100

/**
 * An answer in the form of responseSchema, as protobuf's JSON mapping: entries become maps, JSON text becomes JSON. What
 * is in the JSON mapping already stays as it is, so a model may use either. Anything that fits neither is left for the
 * parser to refuse; only what would be lost here (a key given twice, JSON text that does not parse) is a violation.
 */
export function toProtoJson(desc: DescMessage, value: JsonValue): { value: JsonValue; violations: FieldViolation[] } {
  const violations: FieldViolation[] = []
  return { value: fromMessage(desc, value, '', 0, violations), violations }
}

function fromMessage(
  desc: DescMessage,
  given: JsonValue,
  path: string,
  depth: number,
  out: FieldViolation[],
): JsonValue {
  if (isFreeForm(desc)) return fromFreeForm(desc, given, path, out)
  if (isWellKnown(desc)) return given
  if (depth > MAX_DEPTH) {
    out.push({ field: path, description: `nested more than ${MAX_DEPTH} levels deep` })
    return null
  }
  const value = typeof given === 'string' ? parsed(given) : given
  if (value === undefined) {
    out.push({ field: path, description: 'must be an object, or the JSON text of one' })
    return null
  }
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const field = desc.fields.find((candidate) => candidate.jsonName === key || candidate.name === key)
      return [
        key,
        field ? fromField(field, inner, path === '' ? field.name : `${path}.${field.name}`, depth + 1, out) : inner,
      ]
    }),
  )
}

function fromField(field: DescField, value: JsonValue, path: string, depth: number, out: FieldViolation[]): JsonValue {
  if (field.fieldKind === 'map') return fromEntries(field, value, path, depth, out)
  const desc = field.message
  if (!desc || value === null) return value
  if (field.fieldKind !== 'list') return fromMessage(desc, value, path, depth, out)
  if (!Array.isArray(value)) return value
  return value.map((item, index) => fromMessage(desc, item, `${path}[${index}]`, depth, out))
}

function fromEntries(
  field: DescField,
  value: JsonValue,
  path: string,
  depth: number,
  out: FieldViolation[],
): JsonValue {
  const entries = Array.isArray(value) ? value.map(toEntry) : isObject(value) ? Object.entries(value) : undefined
  if (!entries?.every((entry) => entry !== undefined)) return value
  const keys = new Set<string>()
  const converted = entries.map(([key, inner]): [string, JsonValue] => {
    if (keys.has(key)) out.push({ field: path, description: 'the same key is given twice' })
    keys.add(key)
    return [key, field.message ? fromMessage(field.message, inner, path, depth, out) : inner]
  })
  return Object.fromEntries(converted)
}

function toEntry(item: JsonValue): [string, JsonValue] | undefined {
  if (!isObject(item) || item['key'] === undefined || item['value'] === undefined) return undefined
  return isObject(item['key']) || Array.isArray(item['key']) ? undefined : [String(item['key']), item['value']]
}

/** A Value may be any JSON, so text that is none is taken as a string; the others must be JSON text or the thing itself. */
function fromFreeForm(desc: DescMessage, given: JsonValue, path: string, out: FieldViolation[]): JsonValue {
  if (typeof given !== 'string') return given
  const value = parsed(given)
  if (value !== undefined) return value
  if (desc.typeName !== 'google.protobuf.Value') out.push({ field: path, description: 'must be JSON text' })
  return given
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
