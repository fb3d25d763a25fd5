import type { Evidence } from './evidence.ts'
import { findQuantity } from './numbers.ts'

/**
 * What a line of a list is about: `3 x Blue mug (MUG-104) at 4.50 EUR each` is `Blue mug`. The text without an assignee or `please send` in
 * front, without quantity, up to the first amount, reference in brackets, or spaced dash.
 */
export function restOf(evidence: Evidence): string | undefined {
  const [row] = evidence.lines().labels
  // Of a row of a table, its first cell.
  if (row && evidence.text.includes('\n')) return row.value
  const { text } = evidence
  const owner = ownerLength(text)
  const quantity = findQuantity(text)
  const leading =
    quantity !== undefined &&
    /^\W*$|^\W*(?:please|we|i|send|bitte|wir|nous|veuillez|por favor|vorremmo|graag)(?![\p{L}])/iu.test(
      text.slice(owner, quantity.start),
    )
  const start = leading ? quantity.end : Math.max(owner, /^\d{1,6} (?=\p{L})/u.exec(text)?.[0].length ?? 0)
  const ends = [
    ...evidence.amounts().map((amount) => amount.start),
    ...(quantity && !leading ? [quantity.start] : []),
    text.search(/ [([]/),
    text.search(/ [-–—|] /),
  ]
  const end = Math.min(text.length, ...ends.filter((place) => place > start))
  const rest = text.slice(start, end).replace(/^[\s:,;]*(?:of )?/, '')
  const trimmed = rest.replace(/(?:[\s:,;@(]{1,9}|(?<= )(?:at|for|à|je|zu|each)){1,6}$/, '').trim()
  return trimmed === '' ? undefined : trimmed
}

/** Who a line of a list gives something to: `Warehouse: check the stock`, or `@warehouse`. */
export function ownerOf(text: string): string | undefined {
  const length = ownerLength(text)
  if (length > 0) return text.slice(0, length).replace(/:\s*$/, '')
  return /(?<!\S)@([\p{L}\p{N}_-]{1,40})/u.exec(text)?.[1]
}

function ownerLength(text: string): number {
  return /^\p{Lu}[\p{L}\p{N}'’-]{0,30}(?: [\p{L}\p{N}'’-]{1,30}){0,2}:\s/u.exec(text)?.[0].length ?? 0
}
