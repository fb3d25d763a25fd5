import { v7 } from 'uuid'

/** A UUIDv7 whose time is the given one, in milliseconds since 1970 by the database's clock. */
export function newId(nowMs: number): string {
  return v7({ msecs: Math.floor(nowMs) })
}

/** The UTC date inside a UUIDv7, `2026-01-31`: the partition that holds the operation. */
export function dayOf(id: string): string {
  return new Date(timeOf(id)).toISOString().slice(0, 10)
}

/** The time inside a UUIDv7, in milliseconds since 1970. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}
