import { createHash } from 'node:crypto'
import { type DescMessage, type Message, toBinary } from '@bufbuild/protobuf'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { type WireTable, wireTable } from './wire.ts'

/**
 * What tells a request from another under the same idempotency key: SHA-256 (32 bytes) over the message encoded in field order,
 * map entries sorted by their encoded form, unknown fields last and sorted by number (those of one number in the order in which they
 * were sent, since that may mean something). Independent of the order in which a client wrote fields and map entries.
 * What an Any or an unknown field holds is taken as it is.
 */
export function fingerprint(input: DescMessage, message: Message): Buffer {
  const canonical = inOrder(toBinary(input, message), wireTable(input))
  return createHash('sha256').update(canonical).digest()
}

type Part = { number: number; map: boolean; bytes: Uint8Array }

/** Sorts what toBinary wrote: known fields are in order already, map entries and unknown fields are not. */
function inOrder(bytes: Uint8Array, table: WireTable): Uint8Array {
  const reader = new BinaryReader(bytes)
  const known: Part[] = []
  const unknown: Part[] = []
  while (reader.pos < reader.len) {
    const start = reader.pos
    const [number, type] = reader.tag()
    const data = reader.skip(type, number)
    const field = table.get(number)
    const map = field?.map ?? false
    // A number that a closed enum lacks is kept as an unknown field: a varint under a known number.
    const part = field?.table && type === field.type ? nested(number, type, data, field.table()) : undefined
    const target = field ? known : unknown
    target.push({ number, map, bytes: part ?? bytes.subarray(start, reader.pos) })
  }
  known.sort((a, b) => a.number - b.number || (a.map ? Buffer.compare(a.bytes, b.bytes) : 0))
  unknown.sort((a, b) => a.number - b.number)
  return Buffer.concat([...known, ...unknown].map((part) => part.bytes))
}

function nested(number: number, type: WireType, data: Uint8Array, table: WireTable): Uint8Array {
  const writer = new BinaryWriter().tag(number, type)
  if (type === WireType.LengthDelimited) return writer.bytes(inOrder(new BinaryReader(data).bytes(), table)).finish()
  return writer
    .raw(inOrder(withoutEnd(data), table))
    .tag(number, WireType.EndGroup)
    .finish()
}

/** The content of a group, without the tag that ends it. */
function withoutEnd(group: Uint8Array): Uint8Array {
  const reader = new BinaryReader(group)
  while (reader.pos < reader.len) {
    const start = reader.pos
    const [number, type] = reader.tag()
    if (type === WireType.EndGroup) return group.subarray(0, start)
    reader.skip(type, number)
  }
  return group
}
