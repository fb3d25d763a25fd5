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

/** The least that a schema allows: required properties only, empty lists, first enum values, plausible strings. */
export function fillSchema(schema: unknown): unknown {
  if (!isObject(schema)) return {}
  const [choice] = Array.isArray(schema['enum']) ? schema['enum'] : []
  if (choice !== undefined) return choice
  switch (schema['type']) {
    case 'object': {
      const properties = isObject(schema['properties']) ? schema['properties'] : {}
      const required = Array.isArray(schema['required']) ? schema['required'].map(String) : []
      return Object.fromEntries(required.map((name) => [name, fillSchema(properties[name])]))
    }
    case 'array':
      return []
    case 'integer':
    case 'number':
      return 1
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return fillString(String(schema['format'] ?? ''), String(schema['description'] ?? ''))
  }
}

function fillString(format: string, description: string): string {
  const plausible = PLAUSIBLE.get(format)
  if (plausible !== undefined) return plausible
  if (description.includes('64-bit integer')) return '1'
  if (description.includes('Duration in seconds')) return '1s'
  if (description.includes('JSON text')) return '{}'
  if (description.includes('base64')) return 'AAEC'
  return description.includes('Field mask') ? 'name' : 'some text'
}

const PLAUSIBLE = new Map([
  ['date-time', '2026-01-31T12:00:00Z'],
  ['date', '2026-01-31'],
  ['email', 'ada@example.com'],
  ['hostname', 'example.com'],
  ['uri', 'https://example.com/'],
  ['uuid', '018f4d2e-7b1a-7c3d-9e4f-5a6b7c8d9e0f'],
  ['ipv4', '192.0.2.1'],
  ['ipv6', '2001:db8::1'],
])

function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
