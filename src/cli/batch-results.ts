import { type FileHandle, open, rename } from 'node:fs/promises'
import { linesOf } from './batch-lines.ts'
import { misuse } from './failure.ts'
import { jsonLine } from './json-line.ts'
import { pathFailure } from './read-file.ts'

/** What a line of the input ended with, as a line of the results. Exactly one of response and error is there. */
export type Result = {
  /** The number of the line in the input, from 1. */
  line: number
  /** The idempotency key that it was sent under. */
  key: string
  operation?: string
  response?: unknown
  error?: unknown
}

/** What is known of a result that is in the file. */
export type Known = { key: string; operation: string | undefined; failed: boolean }

type Entry = Known & { place: number }

/**
 * The results in their file. Each is appended when it is there, and the last one of a line counts: so a process may be killed
 * at any time, and what it was about to write is all that is missing.
 */
export class Results implements AsyncDisposable {
  readonly #path: string
  readonly #file: FileHandle
  readonly #entries: Map<number, Entry>
  #places: number
  #waiting: string[] = []
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, file: FileHandle, entries: Map<number, Entry>, places: number) {
    this.#path = path
    this.#file = file
    this.#entries = entries
    this.#places = places
  }

  /** Opens the file, or makes it. Takes a last line away that was not written to its end. Refuses a file of something else. */
  static async open(path: string): Promise<Results> {
    let file: FileHandle | undefined
    try {
      file = await open(path, 'a+')
      await cutTorn(file)
      const entries = new Map<number, Entry>()
      let places = 0
      for await (const { bytes } of linesOf(path)) {
        const { line, key, operation, error } = readResult(bytes, path)
        entries.set(line, { key, operation, failed: error !== undefined, place: places++ })
      }
      return new Results(path, file, entries, places)
    } catch (error) {
      await file?.close()
      throw pathFailure(error, path, 'write') ?? error
    }
  }

  of(line: number): Known | undefined {
    return this.#entries.get(line)
  }

  /** Resolves when it is in the file. Those that come while others are written are written together. */
  add(result: Result): Promise<void> {
    const { line, key, operation, error } = result
    this.#entries.set(line, { key, operation, failed: error !== undefined, place: this.#places++ })
    this.#waiting.push(`${jsonLine(result)}\n`)
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  /** Leaves one result for each of these lines in the file, and nothing else. Replaces the file as a whole. */
  async keepOnly(isWanted: (line: number) => boolean): Promise<void> {
    await this.#writing
    const wanted = new Set([...this.#entries].flatMap(([line, { place }]) => (isWanted(line) ? [place] : [])))
    if (wanted.size === this.#places) return
    const copy = await open(`${this.#path}.tmp`, 'w')
    try {
      let place = 0
      for await (const { bytes } of linesOf(this.#path)) {
        if (wanted.has(place++)) await copy.appendFile(Buffer.concat([bytes, Buffer.from('\n')]))
      }
      await copy.datasync()
    } finally {
      await copy.close()
    }
    await rename(`${this.#path}.tmp`, this.#path)
  }

  /** Writes what is waiting, and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => {}) // told to whoever added
    await this.#file.close()
  }

  async #write(): Promise<void> {
    const text = this.#waiting.splice(0).join('')
    if (text === '') return
    try {
      await this.#file.appendFile(text)
    } catch (error) {
      throw pathFailure(error, this.#path, 'write') ?? error
    }
  }
}

/** Ends the file behind its last line end. */
async function cutTorn(file: FileHandle): Promise<void> {
  const { size } = await file.stat()
  const buffer = Buffer.alloc(64 * 1024)
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - buffer.length)
    const { bytesRead } = await file.read(buffer, 0, end - start, start)
    const last = buffer.subarray(0, bytesRead).lastIndexOf(10)
    if (last >= 0 || start === 0) {
      const whole = start + last + 1
      if (whole < size) await file.truncate(whole)
      return
    }
    end = start
  }
}

/** Nothing is appended to a file that is not known to hold results: it may be the wrong one. */
function readResult(bytes: Buffer, path: string): Result {
  try {
    const result: unknown = JSON.parse(bytes.toString())
    if (isResult(result)) return result
  } catch {
    // It is told below.
  }
  throw misuse(`${path} holds something else than results of deed batch`, 'name another file with --output')
}

function isResult(value: unknown): value is Result {
  if (typeof value !== 'object' || value === null) return false
  const { line, key } = value as Partial<Result>
  return Number.isSafeInteger(line) && typeof key === 'string'
}
