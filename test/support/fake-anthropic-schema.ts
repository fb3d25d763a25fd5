import { isObject } from './fake-vendor.ts'

const KEYWORDS = new Set(['type', 'description', 'title', 'format', 'enum', 'const', 'properties', 'required', 'items'])
const OTHERS = new Set([
  'additionalProperties',
  'anyOf',
  'allOf',
  '$ref',
  '$defs',
  'definitions',
  'default',
  'pattern',
  'minItems',
])
const FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid'])
const MAX_OPTIONAL = 24

/**
 * Why structured outputs refuse a schema, as https://platform.claude.com/docs/en/build-with-claude/structured-outputs lists it:
 * bounds, open objects, recursion, unknown formats, too many optional properties. Undefined when they take it.
 */
export function refusalOf(schema: unknown): string | undefined {
  const optional = { count: 0 }
  const fault = refusalAt(schema, 'schema', optional)
  return (
    fault ?? (optional.count > MAX_OPTIONAL ? `schema: too many optional parameters (${optional.count})` : undefined)
  )
}

function refusalAt(schema: unknown, path: string, optional: { count: number }): string | undefined {
  if (!isObject(schema)) return `${path}: must be an object`
  const keyword = Object.keys(schema).find((name) => !KEYWORDS.has(name) && !OTHERS.has(name))
  if (keyword) return `${path}: For '${String(schema['type'])}' type, property '${keyword}' is not supported`
  if (schema['$ref'] === '#') return `${path}: recursive schemas are not supported`
  const format = schema['format']
  if (format !== undefined && !FORMATS.has(String(format)))
    return `${path}: format '${String(format)}' is not supported`
  if (schema['type'] === 'object') {
    if (schema['additionalProperties'] !== false)
      return `${path}: 'additionalProperties' must be explicitly set to false`
    const properties = isObject(schema['properties']) ? schema['properties'] : {}
    const required = Array.isArray(schema['required']) ? schema['required'] : []
    const missing = required.find((name) => !Object.hasOwn(properties, String(name)))
    if (missing !== undefined) return `${path}: required property '${missing}' is not defined`
    optional.count += Object.keys(properties).length - required.length
    return first(Object.entries(properties), ([name, property]) => refusalAt(property, `${path}.${name}`, optional))
  }
  if (schema['type'] === 'array') return refusalAt(schema['items'], `${path}[]`, optional)
  return undefined
}

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}
