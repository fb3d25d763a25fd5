import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'

/** Far more than there are models to name. */
const MAX_CHARS = 1024 * 1024

/**
 * Reads a YAML file as the root of what it says. Throws an Error of one line, `PATH:LINE:COLUMN: …`, when it is no YAML; its
 * entries do when they are not what is asked of them.
 */
export function parseYaml(path: string, text: string): Entry {
  if (text.length > MAX_CHARS) throw new Error(`${path}:1:1: has more than ${MAX_CHARS} characters`)
  const lines = new LineCounter()
  // What is given twice is found by map(): the parser compares each key with each.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  const file: File = { path, lines, document }
  const [error] = document.errors
  if (error?.code === 'MULTIPLE_DOCS')
    throw faultAt(file, error.pos[0], 'a second document begins: one is all there may be')
  if (error) throw faultAt(file, error.pos[0], error.message.replaceAll(/\s+/g, ' '))
  return new Entry(file, '', document.contents, 0)
}

type File = { path: string; lines: LineCounter; document: Document }

/** One value of the file, with its place. */
export class Entry {
  /** `providers.openai.kind` */
  readonly name: string
  readonly #file: File
  readonly #node: Node | null
  readonly #offset: number
  readonly #nameOffset: number

  /** `offset`: where the name of the value stands, or what holds it. */
  constructor(file: File, name: string, node: unknown, offset: number) {
    const resolved = isAlias(node) ? node.resolve(file.document) : node
    this.#file = file
    this.name = name
    this.#node = isNode(resolved) ? resolved : null
    this.#nameOffset = offset
    this.#offset = isNode(node) ? (node.range?.[0] ?? offset) : offset
  }

  /** An error about this value. */
  fault(message: string): Error {
    return faultAt(this.#file, this.#offset, this.name === '' ? message : `${this.name} ${message}`)
  }

  /** An error about its name. */
  nameFault(message: string): Error {
    return faultAt(this.#file, this.#nameOffset, `${this.name} ${message}`)
  }

  /** The entries of a mapping by their keys, in their order. */
  map(): Map<string, Entry> {
    if (!isMap(this.#node)) throw this.fault(this.name === '' ? 'the file must be a mapping' : 'must be a mapping')
    const entries = new Map<string, Entry>()
    for (const { key, value } of this.#node.items) {
      const name = isScalar(key) ? String(key.value) : ''
      const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0
      const entry = new Entry(this.#file, this.name === '' ? name : `${this.name}.${name}`, value, offset)
      if (entries.has(name)) throw entry.nameFault('is given twice')
      entries.set(name, entry)
    }
    return entries
  }

  /** The entries of a mapping that may have these keys. */
  record<K extends string>(...known: readonly K[]): { [key in K]?: Entry } {
    const record: { [key in K]?: Entry } = {}
    for (const [name, entry] of this.map()) {
      const key = known.find((candidate) => candidate === name)
      if (key === undefined) throw entry.nameFault(`is not known: ${orList(known)} may stand here`)
      record[key] = entry
    }
    return record
  }

  list(): Entry[] {
    if (!isSeq(this.#node)) throw this.fault('must be a list')
    return this.#node.items.map((item, index) => new Entry(this.#file, `${this.name}[${index}]`, item, this.#offset))
  }

  text(): string {
    const value = this.#scalar()
    if (typeof value !== 'string' || value.trim() === '') throw this.fault('must be text')
    return value
  }

  boolean(): boolean {
    const value = this.#scalar()
    if (typeof value !== 'boolean') throw this.fault('must be true or false')
    return value
  }

  number(min: number, max: number): number {
    const value = this.#scalar()
    if (typeof value === 'number' && value >= min && value <= max) return value
    throw this.fault(`must be a number from ${min} to ${max}`)
  }

  integer(min: number, max: number): number {
    const value = this.#scalar()
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
    throw this.fault(`must be a whole number from ${min} to ${max}`)
  }

  oneOf<T extends string>(...values: readonly T[]): T {
    const value = values.find((candidate) => candidate === this.#scalar())
    if (value === undefined) throw this.fault(`must be ${orList(values)}`)
    return value
  }

  #scalar(): unknown {
    return isScalar(this.#node) ? this.#node.value : undefined
  }
}

function faultAt({ path, lines }: File, offset: number, message: string): Error {
  const { line, col } = lines.linePos(offset)
  // A name may hold any character, by an escape.
  const shown = message.replaceAll(/\p{Cc}/gu, (char) => JSON.stringify(char).slice(1, -1))
  return new Error(`${path}:${line}:${col}: ${shown}`)
}

function orList(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
}
