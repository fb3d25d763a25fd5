import { isObject } from './fake-vendor.ts'

/** The least that a schema allows: required properties only, empty lists, first enum values, plausible strings. */
export function fillSchema(schema: unknown): unknown {
  if (!isObject(schema)) return {}
  if (mayBeNull(schema)) return null
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
    default:
      return fillString(String(schema['format'] ?? ''), String(schema['description'] ?? ''))
  }
}

/** As strict OpenAI schemas say that a property may be left out. */
function mayBeNull({ type, anyOf }: Record<string, unknown>): boolean {
  return (
    [type].flat().includes('null') || (Array.isArray(anyOf) && anyOf.some((each) => isObject(each) && mayBeNull(each)))
  )
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
