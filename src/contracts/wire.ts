import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'

/** What a field looks like on the wire. `table` is that of its messages or map entries. */
export type WireField = {
  name: string
  /** Of one value. A packed list has the wire type LengthDelimited instead. */
  type: WireType
  packable: boolean
  text: boolean
  map: boolean
  table?: () => WireTable
}

/** The fields of a message by number. */
export type WireTable = ReadonlyMap<number, WireField>

const tables = new WeakMap<DescMessage, WireTable>()

/** The wire table of a message; built once. */
export function wireTable(desc: DescMessage): WireTable {
  const known = tables.get(desc)
  if (known) return known
  const table = new Map(desc.fields.map((field) => [field.number, wireField(field)]))
  tables.set(desc, table)
  return table
}

function wireField(field: DescField): WireField {
  const { name } = field
  if (field.fieldKind === 'map') {
    const value = single('value', field.scalar, field.message, false)
    const entry: WireTable = new Map([
      [1, single('key', field.mapKey, undefined, false)],
      [2, value],
    ])
    return { name, type: WireType.LengthDelimited, packable: false, text: false, map: true, table: () => entry }
  }
  const repeated = field.fieldKind === 'list'
  const delimited = 'delimitedEncoding' in field && field.delimitedEncoding === true
  const one = single(name, field.scalar, field.message, delimited)
  return { ...one, packable: repeated && one.type !== WireType.LengthDelimited && !one.table }
}

function single(
  name: string,
  scalar: ScalarType | undefined,
  message: DescMessage | undefined,
  delimited: boolean,
): WireField {
  const field = { name, packable: false, text: scalar === ScalarType.STRING, map: false }
  if (!message) return { ...field, type: scalarType(scalar) }
  return { ...field, type: delimited ? WireType.StartGroup : WireType.LengthDelimited, table: () => wireTable(message) }
}

/** An enum, which has no scalar type, is a varint. */
function scalarType(scalar: ScalarType | undefined): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32
    default:
      return WireType.Varint
  }
}
