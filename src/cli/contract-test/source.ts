import { dirname, join } from 'node:path'
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseAllDocuments } from 'yaml'
import { misuse } from '../failure.ts'
import { readText } from '../read-file.ts'

/** Where something is wrong. Lines and columns count from 1. */
export type Fault = { file: string; line: number; column: number; cause: string }

/** A file of examples, and all that is found to be wrong with it. */
export class Source {
  readonly file: string
  readonly faults: Fault[] = []
  readonly #lines = new LineCounter()
  readonly #documents: readonly Document.Parsed[]

  constructor(file: string, text: string) {
    this.file = file
    const options = { schema: 'core', intAsBigInt: true, stringKeys: true, uniqueKeys: true } as const
    const quiet = { lineCounter: this.#lines, prettyErrors: false, logLevel: 'error' } as const
    this.#documents = parseAllDocuments(text, { ...options, ...quiet })
    for (const { errors, warnings } of this.#documents) {
      for (const { message, pos } of [...errors, ...warnings]) {
        this.refuse(pos[0], `is not YAML: ${message.replace(/\s*\n.*|; please use .*/s, '')}`)
      }
    }
  }

  /** YAML 1.2, core schema, as requests are read. */
  static async read(file: string, signal: AbortSignal): Promise<Source> {
    return new Source(file, await readText(file, signal))
  }

  /** What the documents hold: the items of their lists, and those that are no list themselves. */
  get items(): Node[] {
    return this.#documents.flatMap(({ contents }): Node[] => {
      if (isSeq<Node>(contents)) return contents.items
      return contents && !(isScalar(contents) && contents.value === null) ? [contents] : []
    })
  }

  /** Plain values, with integers as bigint. Throws a Failure for aliases that grow out of bounds. */
  valueOf(node: Node): unknown {
    const document = this.#documents.find(({ contents }) => contents && holds(contents, node))
    try {
      return document && node.toJS(document, { maxAliasCount: 100 })
    } catch (error) {
      throw misuse(error instanceof Error ? error.message : String(error))
    }
  }

  refuse(at: Node | number | undefined | null, cause: string): void {
    const { line, column } = this.placeOf(at)
    this.faults.push({ file: this.file, line, column, cause })
  }

  placeOf(at: Node | number | undefined | null): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(typeof at === 'number' ? at : (at?.range?.[0] ?? 0))
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }

  /** A path that the file names: from where it is. */
  pathOf(name: string): string {
    return join(dirname(this.file), name)
  }
}

/** The pairs of a mapping; undefined for anything else. */
export function pairsOf(
  node: Node | null | undefined,
): { key: string; at: Node; value: Node | undefined }[] | undefined {
  if (!isMap<Node, Node>(node)) return undefined
  return node.items.map(({ key, value }: Pair<Node, Node>) => ({
    key: isScalar(key) ? String(key.value) : '',
    at: key,
    value: value ?? undefined,
  }))
}

/** Text, of a scalar that is text. */
export function textOf(node: Node | undefined): string | undefined {
  return isScalar(node) && typeof node.value === 'string' ? node.value : undefined
}

/** The node that a protobuf path such as `items[0].price` leads to, as far as that is written there. */
export function nodeAt(node: Node, path: string): Node {
  let found: Node = node
  for (const [, name, index, quoted] of path.matchAll(/([A-Za-z_]\w*)|\[(?:(\d+)|"((?:[^"\\]|\\.)*)"|[^\]]*)\]/g)) {
    let next: Node | undefined
    if (isSeq<Node>(found) && index !== undefined) next = found.items[Number(index)]
    else next = pairsOf(found)?.find(({ key }) => bare(key) === bare(name ?? quoted ?? index ?? ''))?.value
    if (!next) break
    found = next
  }
  return found
}

/** Of a field's two names. */
function bare(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}

function holds(outer: Node, inner: Node): boolean {
  const [start = 0, , end = 0] = outer.range ?? []
  const at = inner.range?.[0] ?? -1
  return start <= at && at <= end
}
