import { type DescEnum, ScalarType } from '@bufbuild/protobuf'

/** What keeps a JSON value from being this scalar, in words that do not quote it; undefined when nothing does. */
export function scalarFault(type: ScalarType, value: unknown): string | undefined {
  switch (type) {
    case ScalarType.STRING:
      return textFault(value)
    case ScalarType.BOOL:
      return typeof value === 'boolean' ? undefined : 'must be true or false'
    case ScalarType.BYTES:
      return typeof value === 'string' && isBase64(value) ? undefined : 'must be a string in base64'
    case ScalarType.DOUBLE:
      return isNumber(value, Number.MAX_VALUE) ? undefined : 'must be a number'
    case ScalarType.FLOAT:
      return isNumber(value, maxFloat) ? undefined : 'must be a number in the range of a 32-bit float'
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return integerFault(value, -(2n ** 31n), 2n ** 31n - 1n)
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return integerFault(value, 0n, 2n ** 32n - 1n)
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return integerFault(value, -(2n ** 63n), 2n ** 63n - 1n)
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return integerFault(value, 0n, 2n ** 64n - 1n)
  }
}

/** The same for a value of an enum. Numbers that it does not define are refused, even where protobuf leaves it open. */
export function enumFault(desc: DescEnum, value: unknown): string | undefined {
  const known = desc.values.some(
    ({ name, jsonName, number }) => value === jsonName || value === name || value === number,
  )
  if (known || (value === null && desc.typeName === 'google.protobuf.NullValue')) return undefined
  const names = desc.values.slice(0, 50).map(({ jsonName }) => jsonName)
  return `must be one of ${names.join(', ')}${desc.values.length > names.length ? ', …' : ''}`
}

/** The same for text: a string without half of a surrogate pair, which has no UTF-8. */
export function textFault(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a string'
  return value.isWellFormed() ? undefined : 'must not contain half of a surrogate pair'
}

/** Of either alphabet, with or without padding; without bits that would be dropped, which no encoder writes. */
function isBase64(text: string): boolean {
  const [, digits = '', padding = ''] = /^([A-Za-z0-9+/_-]*)(={0,2})$/.exec(text) ?? []
  if (digits.length + padding.length !== text.length || (padding !== '' && text.length % 4 !== 0)) return false
  const plain = digits.replaceAll('+', '-').replaceAll('/', '_')
  return Buffer.from(plain, 'base64url').toString('base64url') === plain
}

const maxFloat = 3.4028234663852886e38
const notFinite = new Set<unknown>(['NaN', 'Infinity', '-Infinity'])

function isNumber(value: unknown, max: number): boolean {
  if (notFinite.has(value)) return true
  const number = typeof value === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Math.abs(number) <= max
}

function integerFault(value: unknown, min: bigint, max: bigint): string | undefined {
  const expected = `must be an integer from ${min} to ${max}`
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return expected
    // JSON.parse has rounded it already, so what was meant is not known.
    if (!Number.isSafeInteger(value)) return `${expected}, written as a string when it is beyond 2^53`
  } else if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) {
    return expected
  }
  const integer = BigInt(value)
  return integer >= min && integer <= max ? undefined : expected
}
