import { isUtf8 } from 'node:buffer'
import type { DescMessage } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'
import { type WireField, type WireTable, wireTable } from './wire.ts'

/** The deepest that messages may be nested, as in other implementations of protobuf. */
export const maxDepth = 100

/**
 * Why bytes are not the wire format of a message, or undefined when they are. protobuf-es alone is not enough: it does not
 * compare a field's wire type with its declared type or keep a nested message within its parent, so it would read other
 * values than were sent, and it replaces invalid UTF-8 where proto2 says nothing. The answer names a field, never a value.
 */
export function wireFault(desc: DescMessage, bytes: Uint8Array): string | undefined {
  const at: string[] = []
  try {
    checkMessage({ bytes, pos: 0, at }, wireTable(desc), bytes.length, 1)
    return undefined
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    // A path of a hundred times the same field says no more than its start.
    const path = at.slice(0, 10).join('.') + (at.length > 10 ? '…' : '')
    return path === '' ? error.message : `${path}: ${error.message}`
  }
}

class Malformed extends Error {}

/** `at` is the path of the field that is being read; it is left standing where something is wrong. */
type Cursor = { readonly bytes: Uint8Array; pos: number; readonly at: string[] }

function checkMessage(cursor: Cursor, table: WireTable, end: number, depth: number, group?: number): void {
  if (depth > maxDepth) throw new Malformed(`messages are nested deeper than ${maxDepth}`)
  while (cursor.pos < end) {
    const tag = readTag(cursor, end)
    const number = tag >>> 3
    const type: WireType = tag & 7
    if (type === WireType.EndGroup && number === group) return
    const field = table.get(number)
    if (!field) {
      skip(cursor, number, type, end, depth)
      continue
    }
    cursor.at.push(field.name)
    checkField(cursor, field, number, type, end, depth)
    cursor.at.pop()
  }
  if (group !== undefined) throw new Malformed('the group does not end')
}

function checkField(c: Cursor, field: WireField, number: number, type: WireType, end: number, depth: number): void {
  if (type !== field.type) {
    if (!field.packable || type !== WireType.LengthDelimited) {
      throw new Malformed(`has wire type ${type}, must have ${field.type}`)
    }
    const last = readLength(c, end)
    while (c.pos < last) skip(c, number, field.type, last, depth)
  } else if (field.text) {
    const last = readLength(c, end)
    if (!isUtf8(c.bytes.subarray(c.pos, last))) throw new Malformed('is not valid UTF-8')
    c.pos = last
  } else if (!field.table) {
    skip(c, number, type, end, depth)
  } else if (type === WireType.StartGroup) {
    checkMessage(c, field.table(), end, depth + 1, number)
  } else {
    // A map's entries are no level of their own, but the messages in them are.
    const last = readLength(c, end)
    checkMessage(c, field.table(), last, field.map ? depth : depth + 1)
  }
}

function skip(cursor: Cursor, number: number, type: WireType, end: number, depth: number): void {
  switch (type) {
    case WireType.Varint:
      skipVarint(cursor, end)
      break
    case WireType.Bit64:
      advance(cursor, 8, end)
      break
    case WireType.Bit32:
      advance(cursor, 4, end)
      break
    case WireType.LengthDelimited:
      cursor.pos = readLength(cursor, end)
      break
    case WireType.StartGroup:
      checkMessage(cursor, none, end, depth + 1, number)
      break
    default:
      throw new Malformed(`there is no wire type ${type}, or a group ends that did not start`)
  }
}

const none: WireTable = new Map()

function advance(cursor: Cursor, by: number, end: number): void {
  if (cursor.pos + by > end) throw new Malformed('is cut off')
  cursor.pos += by
}

function skipVarint(cursor: Cursor, end: number): void {
  for (let length = 1; length <= 10; length++) {
    if (cursor.pos >= end) throw new Malformed('is cut off')
    if ((cursor.bytes[cursor.pos++] ?? 0) < 0x80) return
  }
  throw new Malformed('a varint is longer than 10 bytes')
}

function readTag(cursor: Cursor, end: number): number {
  const tag = readUint32(cursor, end)
  if (tag >>> 3 === 0) throw new Malformed('there is no field 0')
  return tag
}

/** Reads a length; returns the position that it leads to. */
function readLength(cursor: Cursor, end: number): number {
  const length = readUint32(cursor, end)
  if (length > end - cursor.pos) throw new Malformed('is cut off')
  return cursor.pos + length
}

function readUint32(cursor: Cursor, end: number): number {
  let result = 0
  for (let shift = 0; shift < 35; shift += 7) {
    if (cursor.pos >= end) throw new Malformed('is cut off')
    const byte = cursor.bytes[cursor.pos++] ?? 0
    if (shift === 28 && byte > 0x0f) break
    result |= (byte & 0x7f) << shift
    if (byte < 0x80) return result >>> 0
  }
  throw new Malformed('a tag or length is larger than 32 bits')
}
