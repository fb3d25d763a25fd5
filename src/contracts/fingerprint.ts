import { createHash } from 'node:crypto'
import { type DescMessage, type Message, toBinary } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
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

type Part = { number: number; map: boolean; bytes: Buffer }

/** Sorts what toBinary wrote: known fields are in order already, maps and unknown fields are not. */
function inOrder(bytes: Uint8Array, table: WireTable): Buffer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const reader = new BinaryReader(bytes)
  const known: Part[] = []
  const unknown: Part[] = []
  while (reader.pos < reader.len) {
    const start = reader.pos
    const [number, type] = reader.tag()
    const content = reader.pos
    const data = reader.skip(type, number)
    const field = table.get(number)
    // A closed enum's unknown number is an unknown field with a known number, but as a varint it needs no sorting.
    if (!field?.table || type === WireType.Varint) {
      ;(field ? known : unknown).push({ number, map: false, bytes: buffer.subarray(start, reader.pos) })
      continue
    }
    const inner =
      type === WireType.StartGroup
        ? inOrder(withoutEnd(data), field.table())
        : inOrder(new BinaryReader(data).bytes(), field.table())
    // Only hashed, never decoded, but lengths must stay in: two messages must not run into one another.
    const length = Buffer.alloc(4)
    length.writeUInt32BE(inner.length)
    known.push({ number, map: field.map, bytes: Buffer.concat([buffer.subarray(start, content), length, inner]) })
  }
  known.sort((a, b) => a.number - b.number || (a.map ? Buffer.compare(a.bytes, b.bytes) : 0))
  unknown.sort((a, b) => a.number - b.number)
  return Buffer.concat([...known, ...unknown].map((part) => part.bytes))
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
