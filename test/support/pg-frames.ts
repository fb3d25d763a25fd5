/** A message of PostgreSQL's protocol. `type` is its letter; empty for those that begin a connection. */
export type Frame = { type: string; bytes: Buffer }

const headBytes = 5

/** Cuts a stream of the protocol into its messages. `begins`: what the client sends begins with messages without a type. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0)
  #begins: boolean

  constructor(begins: boolean) {
    this.#begins = begins
  }

  /** The messages that are whole by now. */
  push(chunk: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const frames: Frame[] = []
    for (;;) {
      const head = this.#begins ? headBytes - 1 : headBytes
      if (this.#rest.length < head) return frames
      const length = this.#rest.readInt32BE(head - 4) + head - 4
      if (this.#rest.length < length) return frames
      const bytes = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      frames.push({ type: this.#begins ? '' : String.fromCharCode(bytes[0] ?? 0), bytes })
      this.#begins = false
    }
  }
}

/** The prepared statement that a Bind names, and its parameters that are text; undefined for other messages. */
export function readBind({ type, bytes }: Frame): { statement: string; values: () => string[] } | undefined {
  if (type !== 'B') return undefined
  const portalEnd = bytes.indexOf(0, headBytes)
  const nameEnd = bytes.indexOf(0, portalEnd + 1)
  const values = () => {
    let at = nameEnd + 1
    at += 2 + 2 * bytes.readInt16BE(at)
    const found: string[] = []
    const count = bytes.readInt16BE(at)
    at += 2
    for (let n = 0; n < count; n++) {
      const length = Math.max(0, bytes.readInt32BE(at))
      found.push(bytes.toString('utf8', at + 4, at + 4 + length))
      at += 4 + length
    }
    return found
  }
  return { statement: bytes.toString('utf8', portalEnd + 1, nameEnd), values }
}
