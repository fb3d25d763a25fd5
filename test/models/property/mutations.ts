import { type DescField, getOption, hasOption, ScalarType } from '@bufbuild/protobuf'
import { isWrapperDesc, FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt'
import {
  field as fieldRules,
  Ignore,
  oneof as oneofRules,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Holder, Place } from './places.ts'

/** Makes `holder[key]` another value; without one it takes it away. */
export type Change = { holder: Holder; key: string | number; value?: unknown }

/** Changes of which each alone makes a valid answer one that must not be accepted. */
export type Mutation = { name: string; changes: (place: Place) => Change[]; by?: 'schema' }

/** In the text of an answer: stands for a number that JSON.stringify does not write. */
export const tooLarge = '@@1e999@@'
/** In the text of an answer: the key `{name}` once more. */
export const again = (name: string): string => `@@again@@${name}`

const int32 = new Set([ScalarType.INT32, ScalarType.SINT32, ScalarType.SFIXED32])
const uint32 = new Set([ScalarType.UINT32, ScalarType.FIXED32])
const int64 = new Set([ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64])
const uint64 = new Set([ScalarType.UINT64, ScalarType.FIXED64])
const isInteger = (type: ScalarType | undefined) =>
  type !== undefined && [int32, uint32, int64, uint64].some((types) => types.has(type))

/** Also of a wrapper, which has the JSON form of what it holds. */
function scalarOf({ scalar, message }: DescField): ScalarType | undefined {
  return scalar ?? (message && isWrapperDesc(message) ? message.fields[0]?.scalar : undefined)
}

const typeNameOf = ({ message }: DescField) => message?.typeName.replace('google.protobuf.', '')

/** A mutation of values: each of those that are wrong for a field. */
function ofValues(name: string, wrong: (field: DescField) => unknown[]): Mutation {
  const changes = (place: Place) =>
    place.kind === 'value' ? wrong(place.field).map((value) => ({ holder: place.holder, key: place.key, value })) : []
  return { name, changes }
}

const wrongTypes = (field: DescField): unknown[] => {
  const scalar = scalarOf(field)
  if (typeNameOf(field) === 'Value') return []
  if (field.enum) return [true, {}, [0], ...(field.enum.typeName === 'google.protobuf.NullValue' ? ['null'] : [])]
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return [5, true, ['a'], { a: 1 }]
  if (scalar === ScalarType.BOOL) return ['true', 1, [true]]
  if (scalar === undefined) return typeNameOf(field) === 'ListValue' ? [5, false, {}] : [5, false, [[]]]
  return [true, [1], { value: 1 }, 'one', '']
}

export const mutations: readonly Mutation[] = [
  ofValues('wrong type', wrongTypes),
  {
    name: 'wrong type of a list or map',
    changes: ({ kind, holder, key }) =>
      kind === 'list' || kind === 'map' ? ['x', 5, true].map((value) => ({ holder, key, value })) : [],
  },
  {
    name: 'unknown field',
    changes: (place) => (place.kind === 'message' ? [{ holder: place.object, key: 'noSuchField', value: null }] : []),
  },
  ofValues('unknown enum name', ({ enum: type }) =>
    type && type.typeName !== 'google.protobuf.NullValue'
      ? ['NO_SUCH_NAME', '', ` ${type.values[0]?.name}`, '1', 12_345]
      : [],
  ),
  {
    name: 'missing required',
    changes: (place) =>
      place.kind === 'value' && place.within === 'message' && mustBeSet(place.field)
        ? [{ holder: place.holder, key: place.key }]
        : [],
  },
  {
    name: 'missing in spite of the schema',
    by: 'schema',
    changes: (place) => {
      if (place.kind !== 'message' || !place.schema) return []
      return (place.schema.required ?? []).map((key) => ({ holder: place.object, key }))
    },
  },
  ofValues('out of 64-bit range', (field) => {
    const type = scalarOf(field)
    if (type === undefined) return []
    if (int64.has(type)) return ['9223372036854775808', '-9223372036854775809', 2 ** 63, 2 ** 53, '1'.repeat(30)]
    return uint64.has(type) ? ['18446744073709551616', '-1', -1, 2 ** 64] : []
  }),
  ofValues('out of 32-bit range', (field) => {
    const type = scalarOf(field)
    if (type === undefined) return []
    if (int32.has(type)) return [2 ** 31, -(2 ** 31) - 1, 1e10, '2147483648']
    return uint32.has(type) ? [2 ** 32, -1, '-1'] : []
  }),
  ofValues('fractional integer', (field) => (isInteger(scalarOf(field)) ? [1.5, '1.5', 1e-9] : [])),
  ofValues('out of range of a float', (field) => {
    const type = scalarOf(field)
    return type === ScalarType.FLOAT
      ? [3.5e38, -1e300, '1e39', tooLarge]
      : type === ScalarType.DOUBLE
        ? [tooLarge, '1e999']
        : []
  }),
  ofValues('bad timestamp', (field) => (typeNameOf(field) === 'Timestamp' ? badTimes : [])),
  ofValues('bad duration', (field) =>
    typeNameOf(field) === 'Duration' ? ['5 minutes', '5', 's', '1.0000000001s', '315576000001s', 'PT5S', '+1s'] : [],
  ),
  ofValues('bad field mask', (field) => (typeNameOf(field) === 'FieldMask' ? ['a_b', 'a,,b', 'a b', ',', 'a.'] : [])),
  ofValues('no base64', (field) =>
    scalarOf(field) === ScalarType.BYTES ? ['***', 'A', 'AB', 'AA=', 'AA\n', '=='] : [],
  ),
  ofValues('half of a surrogate pair', (field) => {
    if (scalarOf(field) === ScalarType.STRING) return ['a\ud800', '\udc00b']
    return typeNameOf(field) === 'Struct' ? ['{"a":["\\ud800"]}', '{"\\udfff":1}'] : []
  }),
  {
    name: 'two of a oneof',
    changes: (place) => {
      if (place.kind !== 'value' || place.within !== 'message' || !place.field.oneof) return []
      const others = place.field.oneof.fields.filter((other) => other !== place.field)
      return others.flatMap((other) =>
        plausible(other).map((value) => ({ holder: place.holder, key: other.jsonName, value })),
      )
    },
  },
  {
    name: 'null among items and values',
    changes: (place) => {
      if (place.kind !== 'value' || place.within === 'message' || takesNull(place.field)) return []
      return [{ holder: place.holder, key: place.key, value: null }]
    },
  },
  {
    name: 'map key of the wrong type',
    changes: (place) =>
      entriesOf(place).flatMap((holder) => wrongKeys(place).map((value) => ({ holder, key: 'key', value }))),
  },
  {
    name: 'more in a map entry',
    changes: (place) => entriesOf(place).map((holder) => ({ holder, key: 'note', value: null })),
  },
  {
    name: 'less in a map entry',
    changes: (place) => entriesOf(place).flatMap((holder) => ['key', 'value'].map((key) => ({ holder, key }))),
  },
  {
    name: 'map key given twice',
    changes: (place) =>
      place.kind === 'map' && place.entries.length > 0
        ? [{ ...place, value: [...place.entries, place.entries[0]] }]
        : [],
  },
  {
    name: 'field given twice',
    changes: (place) => {
      if (place.kind !== 'message') return []
      const names = Object.keys(place.object).filter((name) => /^\w+$/.test(name))
      return names.map((name) => ({ holder: place.object, key: again(name), value: place.object[name] }))
    },
  },
  {
    name: 'field given under both names',
    changes: (place) => {
      if (place.kind === 'message' || ('within' in place && place.within !== 'message')) return []
      const { name, jsonName } = place.field
      return name === jsonName ? [] : [{ holder: place.holder, key: name, value: place.holder[place.key] }]
    },
  },
  ofValues('broken JSON text', (field) => {
    const name = typeNameOf(field)
    if (name === 'Value') return ['{"a":', '[1', '"a', '{"a":1,"a":2}', '[1e999]']
    if (name === 'Struct') return ['{"a":', 'words', '[]', '5', '{"a":1,"a":2}', '{"a":1e999}', '{} {}']
    if (name === 'ListValue') return ['[1', 'words', '{}', '[{"a":1,"\\u0061":2}]', '[1e999]', '[],']
    return field.message && name === field.message.typeName ? ['{', 'words', '[]', '{"noSuchField":1}'] : []
  }),
]

const badTimes = [
  '2026-02-30T00:00:00Z',
  '2026-01-31',
  '2026-01-31T12:00:00',
  '2026-01-31T25:00:00Z',
  '2026-13-01T00:00:00Z',
  '10000-01-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59-01:00',
  '2026-01-31T12:00:00.1234567890Z',
  'yesterday',
]

function mustBeSet(field: DescField): boolean {
  const { required, ignore } = getOption(field, fieldRules)
  if (field.presence === Presence.LEGACY_REQUIRED || (required && ignore !== Ignore.ALWAYS)) return true
  return field.oneof !== undefined && hasOption(field.oneof, oneofRules) && getOption(field.oneof, oneofRules).required
}

function takesNull({ message, enum: type }: DescField): boolean {
  return message?.typeName === 'google.protobuf.Value' || type?.typeName === 'google.protobuf.NullValue'
}

/** A value in the form that a field has, though not one that keeps its rules. */
function plausible(field: DescField): unknown[] {
  const scalar = scalarOf(field)
  if (field.enum) return field.enum.typeName === 'google.protobuf.NullValue' ? [null] : [field.enum.values[0]?.name]
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return ['']
  if (scalar === ScalarType.BOOL) return [false]
  return scalar === undefined ? ['{}'] : [0]
}

function entriesOf(place: Place): Holder[] {
  return place.kind === 'map' ? place.entries : []
}

function wrongKeys(place: Place): unknown[] {
  if (place.kind !== 'map') return []
  if (place.field.mapKey === ScalarType.STRING) return [7, null, true, {}, 'a\ud800']
  if (place.field.mapKey === ScalarType.BOOL) return ['yes', '', 1, null, 'True']
  return ['x', '', '1.5', 1.5, null, true, '1e3', 2 ** 53, '99999999999999999999']
}
