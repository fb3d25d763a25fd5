import { type DescField, ScalarType } from '@bufbuild/protobuf'
import { isWrapperDesc } from '@bufbuild/protobuf/wkt'

const int32 = new Set([ScalarType.INT32, ScalarType.SINT32, ScalarType.SFIXED32])
const uint32 = new Set([ScalarType.UINT32, ScalarType.FIXED32])
const int64 = new Set([ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64])
const uint64 = new Set([ScalarType.UINT64, ScalarType.FIXED64])
const isInteger = (type: ScalarType | undefined) =>
  type !== undefined && [int32, uint32, int64, uint64].some((types) => types.has(type))

/** Also of a wrapper, which has the JSON form of what it holds. */
export function scalarOf({ scalar, message }: DescField): ScalarType | undefined {
  return scalar ?? (message && isWrapperDesc(message) ? message.fields[0]?.scalar : undefined)
}

const typeNameOf = ({ message }: DescField) => message?.typeName.replace('google.protobuf.', '')

/** In the text of an answer: stands for a number that JSON.stringify does not write. */
export const tooLarge = '@@1e999@@'

const wrongTypes = (field: DescField): unknown[] => {
  const scalar = scalarOf(field)
  if (typeNameOf(field) === 'Value') return []
  if (field.enum) return [true, {}, [0], ...(field.enum.typeName === 'google.protobuf.NullValue' ? ['null'] : [])]
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return [5, true, ['a'], { a: 1 }]
  if (scalar === ScalarType.BOOL) return ['true', 1, [true]]
  if (scalar === undefined) return typeNameOf(field) === 'ListValue' ? [5, false, {}] : [5, false, [[]]]
  return [true, [1], { value: 1 }, 'one', '']
}

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

/** Values that a field cannot have, by what is wrong with them. */
export const wrongValues: readonly [name: string, of: (field: DescField) => unknown[]][] = [
  ['wrong type', wrongTypes],
  [
    'unknown enum name',
    ({ enum: type }) =>
      type && type.typeName !== 'google.protobuf.NullValue'
        ? ['NO_SUCH_NAME', '', ` ${type.values[0]?.name}`, '1', 12_345]
        : [],
  ],
  [
    'out of 64-bit range',
    (field) => {
      const type = scalarOf(field)
      if (type === undefined) return []
      if (int64.has(type)) return ['9223372036854775808', '-9223372036854775809', 2 ** 63, 2 ** 53, '1'.repeat(30)]
      return uint64.has(type) ? ['18446744073709551616', '-1', -1, 2 ** 64] : []
    },
  ],
  [
    'out of 32-bit range',
    (field) => {
      const type = scalarOf(field)
      if (type === undefined) return []
      if (int32.has(type)) return [2 ** 31, -(2 ** 31) - 1, 1e10, '2147483648']
      return uint32.has(type) ? [2 ** 32, -1, '-1'] : []
    },
  ],
  ['fractional integer', (field) => (isInteger(scalarOf(field)) ? [1.5, '1.5', 1e-9] : [])],
  [
    'out of range of a float',
    (field) => {
      const type = scalarOf(field)
      return type === ScalarType.FLOAT
        ? [3.5e38, -1e300, '1e39', tooLarge]
        : type === ScalarType.DOUBLE
          ? [tooLarge, '1e999']
          : []
    },
  ],
  ['bad timestamp', (field) => (typeNameOf(field) === 'Timestamp' ? badTimes : [])],
  [
    'bad duration',
    (field) =>
      typeNameOf(field) === 'Duration' ? ['5 minutes', '5', 's', '1.0000000001s', '315576000001s', 'PT5S', '+1s'] : [],
  ],
  ['bad field mask', (field) => (typeNameOf(field) === 'FieldMask' ? ['a_b', 'a,,b', 'a b', ',', 'a.'] : [])],
  ['no base64', (field) => (scalarOf(field) === ScalarType.BYTES ? ['***', 'A', 'AB', 'AA=', 'AA\n', '=='] : [])],
  [
    'half of a surrogate pair',
    (field) => {
      if (scalarOf(field) === ScalarType.STRING) return ['a\ud800', '\udc00b']
      return typeNameOf(field) === 'Struct' ? ['{"a":["\\ud800"]}', '{"\\udfff":1}'] : []
    },
  ],
  [
    'broken JSON text',
    (field) => {
      const name = typeNameOf(field)
      if (name === 'Value') return ['{"a":', '[1', '"a', '{"a":1,"a":2}', '[1e999]']
      if (name === 'Struct') return ['{"a":', 'words', '[]', '5', '{"a":1,"a":2}', '{"a":1e999}', '{} {}']
      if (name === 'ListValue') return ['[1', 'words', '{}', '[{"a":1,"\\u0061":2}]', '[1e999]', '[],']
      return field.message && name === field.message.typeName ? ['{', 'words', '[]', '{"noSuchField":1}'] : []
    },
  ],
]
