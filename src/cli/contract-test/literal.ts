import {
  type DescField,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf'
import { isWrapperDesc, FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt'
import { jsonFaults } from '../../contracts/json/faults.ts'

/**
 * A value of a field (an item of a list, a value of a map) as protobuf's JSON mapping writes it, from any form in which the
 * mapping takes it: `48213` and `"48213"` are one int64. Or what keeps it from being one.
 */
export function canonical(
  field: DescField,
  literal: JsonValue,
  registry: Registry,
): { value: JsonValue } | { fault: string } {
  const { jsonName, parent } = field
  const key = keyOf(field)
  const json: JsonObject = { [jsonName]: field.fieldKind === 'list' ? [literal] : key ? { [key]: literal } : literal }
  const [fault] = jsonFaults(parent, json)
  if (fault) return { fault: fault.description }
  const written = toJson(parent, fromJson(parent, json, { registry }), { registry, alwaysEmitImplicit: true })
  const whole = isObject(written) ? written[jsonName] : undefined
  const value = Array.isArray(whole)
    ? field.fieldKind === 'list'
      ? whole[0]
      : whole
    : key && isObject(whole)
      ? whole[key]
      : whole
  return { value: rounded(field, value ?? literal) }
}

/** A value as a number that can be compared; undefined when the field's type has no order. */
export function orderOf(field: DescField): ((value: JsonValue) => number | bigint) | undefined {
  const { message } = field
  if (message?.typeName === 'google.protobuf.Timestamp') return (value) => nanosOfTime(String(value))
  if (message?.typeName === 'google.protobuf.Duration') return (value) => nanos(String(value).slice(0, -1))
  switch (scalarOf(field)) {
    case undefined:
    case ScalarType.STRING:
    case ScalarType.BYTES:
    case ScalarType.BOOL:
      return undefined
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return (value) => BigInt(String(value))
    default:
      return Number
  }
}

/** Whether a field is not set or, where it has no presence of its own, has the value that this looks like. */
export function isUnset(field: DescField, value: JsonValue | undefined): boolean {
  if (value === undefined || value === null) return true
  if (field.fieldKind === 'list' || field.fieldKind === 'map') return Object.keys(value).length === 0
  if (field.presence !== Presence.IMPLICIT) return false
  return field.enum
    ? value === field.enum.values[0]?.name
    : value === '' || value === 0 || value === '0' || value === false
}

function scalarOf(field: DescField): ScalarType | undefined {
  if (field.message) return isWrapperDesc(field.message) ? field.message.fields[0]?.scalar : undefined
  return field.scalar
}

function keyOf(field: DescField): string | undefined {
  if (field.fieldKind !== 'map') return undefined
  if (field.mapKey === ScalarType.STRING) return 'key'
  return field.mapKey === ScalarType.BOOL ? 'true' : '1'
}

/** A float is read from the wire as the nearest one with 32 bits. */
function rounded(field: DescField, value: JsonValue): JsonValue {
  return scalarOf(field) === ScalarType.FLOAT && typeof value === 'number' ? Math.fround(value) : value
}

/** Canonical: in UTC, with as many decimals as are needed. */
function nanosOfTime(text: string): bigint {
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(text) ?? []
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

function nanos(seconds: string): bigint {
  const [whole = '', fraction = ''] = seconds.split('.')
  const part = BigInt(fraction.padEnd(9, '0'))
  return BigInt(whole) * 1_000_000_000n + (whole.startsWith('-') ? -part : part)
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
