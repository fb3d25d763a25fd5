import { isObject } from './fake-vendor.ts'

const KEYWORDS = new Set(
  'type description title format enum const properties required items additionalProperties anyOf $ref $defs definitions'
    .split(' ')
    .concat('pattern multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems'.split(' ')),
)
const FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid'])
const MAX_DEPTH = 10
const MAX_PROPERTIES = 5000
const MAX_CHARS = 120_000
const MAX_ENUM_VALUES = 1000

/**
 * Why a strict response format is refused, as https://developers.openai.com/api/docs/guides/structured-outputs lists it:
 * optional properties, open objects, keywords and formats that it does not know, and what is too large. Undefined when it
 * is taken.
 */
export function strictRefusalOf(schema: unknown): string | undefined {
  if (!isObject(schema) || schema['type'] !== 'object' || schema['anyOf'] !== undefined)
    return `In context=(), schema must be a JSON Schema of 'type: "object"'`
  const size = { properties: 0, chars: 0, enumValues: 0 }
  const fault = faultAt(schema, [], 0, size)
  if (fault) return fault
  if (size.properties > MAX_PROPERTIES) return `Expected at most ${MAX_PROPERTIES} object properties`
  if (size.chars > MAX_CHARS) return `Expected at most ${MAX_CHARS} characters of names and enum values`
  return size.enumValues > MAX_ENUM_VALUES ? `Expected at most ${MAX_ENUM_VALUES} enum values` : undefined
}

type Size = { properties: number; chars: number; enumValues: number }

function faultAt(schema: unknown, path: readonly string[], depth: number, size: Size): string | undefined {
  const context = `In context=(${path.map((part) => `'${part}'`).join(', ')})`
  if (!isObject(schema)) return `${context}, schema must be an object`
  const unknown = Object.keys(schema).find((name) => !KEYWORDS.has(name))
  if (unknown) return `${context}, '${unknown}' is not permitted`
  const { type, format, items, properties, anyOf, $defs } = schema
  if (type === undefined && anyOf === undefined && schema['$ref'] === undefined && schema['enum'] === undefined)
    return `${context}, schema must have a 'type' key`
  if (format !== undefined && !FORMATS.has(String(format))) return `${context}, '${format}' is not a valid format`
  for (const value of Array.isArray(schema['enum']) ? schema['enum'] : []) {
    size.enumValues++
    size.chars += String(value).length
  }
  const inner: [unknown, string[]][] = []
  if ([type].flat().includes('object')) {
    if (depth >= MAX_DEPTH) return `${context}, more than ${MAX_DEPTH} levels of nesting`
    if (schema['additionalProperties'] !== false)
      return `${context}, 'additionalProperties' is required to be supplied and to be false`
    const names = Object.keys(isObject(properties) ? properties : {})
    const required = Array.isArray(schema['required']) ? schema['required'] : []
    const missing = names.find((name) => !required.includes(name)) ?? required.find((name) => !names.includes(name))
    if (missing !== undefined)
      return `${context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '${missing}'`
    size.properties += names.length
    size.chars += names.join('').length
    for (const [name, property] of Object.entries(isObject(properties) ? properties : {}))
      inner.push([property, [...path, 'properties', name]])
  }
  if ([type].flat().includes('array')) inner.push([items, [...path, 'items']])
  for (const [index, each] of (Array.isArray(anyOf) ? anyOf : []).entries())
    inner.push([each, [...path, 'anyOf', String(index)]])
  for (const [name, each] of Object.entries(isObject($defs) ? $defs : {})) inner.push([each, ['$defs', name]])
  for (const [each, at] of inner) {
    const fault = faultAt(each, at, depth + 1, size)
    if (fault) return fault
  }
  return undefined
}
