import { createReadStream } from 'node:fs'
import { pathFailure } from './read-file.ts'

/** A line that is not empty, with its number from 1. */
export type Line = { number: number; bytes: Buffer }

/** The lines of a file that are not empty, as they are read: no more than a line of it is in memory. */
export async function* linesOf(path: string): AsyncGenerator<Line> {
  let number = 0
  let parts: Buffer[] = []
  const take = (): Line | undefined => {
    number++
    const bytes = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
    parts = []
    return isBlank(bytes) ? undefined : { number, bytes }
  }
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let start = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        parts.push(chunk.subarray(start, end))
        start = end + 1
        const line = take()
        if (line) yield line
      }
      if (start < chunk.length) parts.push(chunk.subarray(start))
    }
  } catch (error) {
    throw pathFailure(error, path) ?? error
  }
  const last = parts.length > 0 ? take() : undefined
  if (last) yield last
}

export async function countLines(path: string): Promise<number> {
  let count = 0
  for await (const _ of linesOf(path)) count++
  return count
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 32 || byte === 9 || byte === 13)
}
