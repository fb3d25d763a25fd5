import type { DescMessage } from '@bufbuild/protobuf'
import { isWrapperDesc } from '@bufbuild/protobuf/wkt'
import { scalarFault, textFault } from './scalar.ts'

type Check = (value: unknown) => string | undefined

/**
 * The check of a message that is not a JSON object of its fields, such as a Timestamp; undefined for all others. It says what
 * keeps a JSON value from being one, in words that do not quote it.
 */
export function wellKnownCheck(desc: DescMessage): Check | undefined {
  const check = checks.get(desc.typeName)
  if (check || !isWrapperDesc(desc)) return check
  const scalar = desc.fields[0]?.scalar
  return (value) => (value === null || !scalar ? undefined : scalarFault(scalar, value))
}

const checks: ReadonlyMap<string, Check> = new Map([
  ['google.protobuf.Timestamp', timestampFault],
  ['google.protobuf.Duration', durationFault],
  ['google.protobuf.FieldMask', fieldMaskFault],
  ['google.protobuf.Struct', (value) => (isObject(value) ? freeFormFault(value) : 'must be an object')],
  ['google.protobuf.ListValue', (value) => (Array.isArray(value) ? freeFormFault(value) : 'must be an array')],
  ['google.protobuf.Value', freeFormFault],
])

const firstMs = Date.parse('0001-01-01T00:00:00Z')
const endMs = Date.parse('9999-12-31T23:59:59Z') + 1_000

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

/** Date.parse takes February 30 for March 2, so the calendar is asked as well. */
function timestampFault(value: unknown): string | undefined {
  const expected = 'must be a time in RFC 3339, such as 2026-01-31T09:30:00Z'
  const match = typeof value === 'string' ? rfc3339.exec(value) : null
  if (!match) return expected
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const exists =
    month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
  if (!exists || hour >= 24 || minute >= 60 || second >= 60) return `${expected}: there is no such time`
  // The offset may lead out of the years that a Timestamp has.
  const at = Date.parse(match[0])
  return at >= firstMs && at < endMs ? undefined : 'must be a time in the years 0001 to 9999 in UTC'
}

function durationFault(value: unknown): string | undefined {
  const match = typeof value === 'string' ? /^-?(\d{1,12})(\.\d{1,9})?s$/.exec(value) : null
  const valid = match !== null && Number(match[1]) <= 315_576_000_000
  return valid ? undefined : 'must be seconds with at most nine decimals and an s, such as 90.5s'
}

const fieldMask = /^[A-Za-z0-9*]+([.,][A-Za-z0-9*]+)*$/

function fieldMaskFault(value: unknown): string | undefined {
  const valid = typeof value === 'string' && (value === '' || fieldMask.test(value))
  return valid ? undefined : 'must be a string of field paths in lowerCamelCase, separated by commas'
}

/** JSON text can be nested deeper than a stack, so this does not recur; the parser limits the depth. */
function freeFormFault(root: unknown): string | undefined {
  const waiting = [root]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value === 'string') {
      const fault = textFault(value)
      if (fault !== undefined) return fault
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value)) return 'must not contain a number beyond the range of a double'
    } else if (value !== null && typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) waiting.push(key, inner)
    }
  }
  return undefined
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
