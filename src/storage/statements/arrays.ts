/**
 * Arrays as parameters, in PostgreSQL's binary form (array_send in src/backend/utils/adt/arrayfuncs.c): half the bytes of a
 * literal where there is bytea, and nothing to quote, escape or parse on either side.
 */

/** How the elements of a type are written; `size` of null is not asked for. */
type Element<T> = {
  oid: number
  /** Bytes of a value. */
  size: (value: T) => number
  write: (into: Buffer, value: T, at: number) => void
}

const headBytes = 20

function arrayOf<T>({ oid, size, write }: Element<T>): (values: readonly (T | null)[]) => Buffer {
  return (values) => {
    let bytes = headBytes
    for (const value of values) bytes += 4 + (value === null ? 0 : size(value))
    const array = Buffer.allocUnsafe(bytes)
    // One dimension that starts at 1; an array without elements has that too, with a length of 0.
    array.writeInt32BE(1, 0)
    array.writeInt32BE(values.includes(null) ? 1 : 0, 4)
    array.writeInt32BE(oid, 8)
    array.writeInt32BE(values.length, 12)
    array.writeInt32BE(1, 16)
    let at = headBytes
    for (const value of values) {
      if (value === null) {
        at = array.writeInt32BE(-1, at)
        continue
      }
      const length = size(value)
      at = array.writeInt32BE(length, at)
      write(array, value, at)
      at += length
    }
    return array
  }
}

export const uuidArray = arrayOf<string>({
  oid: 2950,
  size: () => 16,
  write: (into, value, at) => {
    into.write(value.replaceAll('-', ''), at, 16, 'hex')
  },
})

export const textArray = arrayOf<string>({
  oid: 25,
  size: (value) => Buffer.byteLength(value),
  write: (into, value, at) => {
    into.write(value, at)
  },
})

export const byteaArray = arrayOf<Uint8Array>({
  oid: 17,
  size: (value) => value.byteLength,
  write: (into, value, at) => into.set(value, at),
})

export const boolArray = arrayOf<boolean>({
  oid: 16,
  size: () => 1,
  write: (into, value, at) => into.writeUInt8(value ? 1 : 0, at),
})

export const int2Array = arrayOf<number>({
  oid: 21,
  size: () => 2,
  write: (into, value, at) => into.writeInt16BE(value, at),
})

export const int4Array = arrayOf<number>({
  oid: 23,
  size: () => 4,
  write: (into, value, at) => into.writeInt32BE(value, at),
})

export const int8Array = arrayOf<bigint>({
  oid: 20,
  size: () => 8,
  write: (into, value, at) => into.writeBigInt64BE(value, at),
})

export const float8Array = arrayOf<number>({
  oid: 701,
  size: () => 8,
  write: (into, value, at) => into.writeDoubleBE(value, at),
})

/** Days from 1970 to 2000, from where PostgreSQL counts. */
const epochDays = 10_957

let lastDate = ''
let lastDays = 0

function daysOf(date: string): number {
  if (date !== lastDate) {
    lastDays = Date.parse(date) / 86_400_000 - epochDays
    lastDate = date
  }
  return lastDays
}

/** Dates as `2026-01-31`. */
export const dateArray = arrayOf<string>({
  oid: 1082,
  size: () => 4,
  write: (into, value, at) => into.writeInt32BE(daysOf(value), at),
})
