import type { Method } from '../contracts/method.ts'
import type { FieldViolation } from '../errors/deed-error.ts'
import type { ItemSink } from './item-sink.ts'
import { ListScanner } from './list-scanner.ts'
import { readAnswer } from './read-answer.ts'

/** Items that are stored in one go when a model writes faster than that. */
const maxAtOnce = 16

/** What was wrong with a list, and the text of the item if it was one. */
export type BrokenList = { item: string | undefined; violations: FieldViolation[] }

/** Reads the list of one completion while it is written: what keeps the contract is stored, and the first that does not ends it. */
export class ListReader {
  readonly #method: Method
  readonly #sink: ItemSink
  readonly #signal: AbortSignal
  readonly #scanner = new ListScanner()
  /** Set when nothing more of this completion is wanted. */
  broken: BrokenList | undefined

  constructor(method: Method, sink: ItemSink, signal: AbortSignal) {
    this.#method = method
    this.#sink = sink
    this.#signal = signal
  }

  /** Takes a part of the text. Resolves when what it completed is stored: to false when no more is wanted. */
  readonly push = async (text: string): Promise<boolean> => {
    if (this.broken) return false
    let good: Uint8Array[] = []
    for (const scanned of this.#scanner.push(text)) {
      if (scanned.kind === 'fault') {
        this.broken = brokenAt('', scanned.description)
        break
      }
      const read = readAnswer(this.#method, scanned.text)
      if (read.kind === 'invalid') {
        const at = `items[${this.#sink.count + good.length}]`
        this.broken = { item: scanned.text, violations: read.violations.map((violation) => placed(at, violation)) }
        break
      }
      good.push(read.bytes)
      if (good.length < maxAtOnce) continue
      await this.#sink.put(good, this.#signal)
      good = []
    }
    if (good.length > 0) await this.#sink.put(good, this.#signal)
    return this.broken === undefined
  }

  /** The model has ended: whether its list is whole, or how it is not. */
  end(): { kind: 'valid' } | ({ kind: 'invalid' } & BrokenList) {
    const fault = this.#scanner.end()
    const broken = this.broken ?? (fault === undefined ? undefined : brokenAt('', fault))
    return broken ? { kind: 'invalid', ...broken } : { kind: 'valid' }
  }
}

function brokenAt(field: string, description: string): BrokenList {
  return { item: undefined, violations: [{ field, description, reason: 'json' }] }
}

function placed(at: string, violation: FieldViolation): FieldViolation {
  return { ...violation, field: violation.field === '' ? at : `${at}.${violation.field}` }
}
