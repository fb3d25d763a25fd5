import {
  type DescField,
  type DescMessage,
  getOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from '@bufbuild/protobuf'
import { isWrapperDesc } from '@bufbuild/protobuf/wkt'
import { oneof as oneofOption, field as rulesOption } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'

/** Deeper than this, messages are left empty: a recursive one would have no end. */
const maxDepth = 3
/** As many fields as a message shows of which none is required. */
const shown = 3

/**
 * A request to start from, as JSON: the fields that the rules require, or the first ones where none is. It has values of the
 * right types, but need not keep every rule.
 */
export function skeleton(desc: DescMessage, depth = 1): JsonObject {
  const chosen = desc.fields.filter((field) => !field.oneof || field.oneof.fields[0] === field)
  const required = chosen.filter(isRequired)
  const fields = required.length > 0 ? required : chosen.slice(0, shown)
  return Object.fromEntries(fields.map((field) => [field.jsonName, fieldValue(field, depth)]))
}

function isRequired(field: DescField): boolean {
  const { required, type } = getOption(field, rulesOption)
  if (required || (field.oneof && getOption(field.oneof, oneofOption).required)) return true
  if (type.case === 'string' || type.case === 'bytes') return type.value.minLen > 0n || type.value.len > 0n
  if (type.case === 'enum') return type.value.notIn.includes(0)
  if (type.case === 'repeated') return type.value.minItems > 0n
  if (type.case === 'map') return type.value.minPairs > 0n
  return false
}

function fieldValue(field: DescField, depth: number): JsonValue {
  if (field.fieldKind === 'map') {
    const key = field.mapKey === ScalarType.STRING ? 'key' : String(scalarOf(field.mapKey, 'key'))
    return { [key]: singleOf(field, depth) }
  }
  return field.fieldKind === 'list' ? [singleOf(field, depth)] : singleOf(field, depth)
}

function singleOf(field: DescField, depth: number): JsonValue {
  if (field.message) return messageOf(field.message, depth)
  if (field.enum) return (field.enum.values.find(({ number }) => number !== 0) ?? field.enum.values[0])?.jsonName ?? 0
  return field.scalar === undefined ? null : scalarOf(field.scalar, textFor(field))
}

function messageOf(desc: DescMessage, depth: number): JsonValue {
  const scalar = isWrapperDesc(desc) ? desc.fields[0]?.scalar : undefined
  if (scalar !== undefined) return scalarOf(scalar, 'value')
  const known = wellKnown.get(desc.typeName)
  if (known !== undefined) return known
  return depth < maxDepth ? skeleton(desc, depth + 1) : {}
}

const wellKnown: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ['google.protobuf.Timestamp', '2026-01-31T09:30:00Z'],
  ['google.protobuf.Duration', '90s'],
  ['google.protobuf.FieldMask', ''],
  ['google.protobuf.Struct', {}],
  ['google.protobuf.Value', 'value'],
  ['google.protobuf.ListValue', []],
  ['google.protobuf.Any', {}],
])

function scalarOf(type: ScalarType, text: string): JsonValue {
  switch (type) {
    case ScalarType.STRING:
      return text
    case ScalarType.BOOL:
      return true
    case ScalarType.BYTES:
      return 'AA=='
    default:
      return 1
  }
}

/** Text that a rule for a known form takes, else the field's own name. */
function textFor(field: DescField): string {
  const { type } = getOption(field, rulesOption)
  const rules = type.case === 'repeated' ? type.value.items?.type : type
  const form = rules?.case === 'string' ? rules.value.wellKnown.case : undefined
  return (form && texts[form]) ?? field.name.replaceAll('_', ' ')
}

const texts: Readonly<Record<string, string>> = {
  email: 'ada@example.com',
  hostname: 'example.com',
  uri: 'https://example.com/',
  uuid: '123e4567-e89b-42d3-a456-426614174000',
  ip: '192.0.2.1',
  ipv4: '192.0.2.1',
}
