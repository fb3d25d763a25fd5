import { synonymsOf } from './synonyms.ts'
import { rawWords, wordsOf } from './words.ts'

/** Something that was recognised in a text, and where. */
export type Found<T> = { value: T; start: number; end: number }

/** More of a kind than anyone needs: what keeps the time for a field independent of the length of the text. */
export const MAX_FOUND = 200

/** How far from what was found, in characters, a word may stand that says what it is. */
const REACH = { before: 60, after: 30 }
/** And in words. */
const MAX_WORDS = 7

/**
 * What was found closest to one of the wanted words, on the same line, before it rather than after. Without wanted words
 * any will do: the first. Undefined when the words are not there. What does not fit is passed over.
 */
export function nearest<T>(
  text: string,
  found: readonly Found<T>[],
  wanted: readonly string[],
  fits: (value: T) => boolean = () => true,
): T | undefined {
  if (wanted.length === 0) return found.find(({ value }) => fits(value))?.value
  const words = new Set(wanted.flatMap(synonymsOf))
  let best: T | undefined
  let bestScore = 0
  for (const each of found) {
    const { before, after } = around(text, each)
    const score = closeness(before, words) + closeness(after, words) / 2
    if (score <= bestScore || !fits(each.value)) continue
    best = each.value
    bestScore = score
  }
  return best
}

function closeness(context: readonly string[], words: ReadonlySet<string>): number {
  return context
    .slice(0, MAX_WORDS)
    .reduce((sum, word, distance) => (words.has(word) ? sum + 1 / (1 + distance) : sum), 0)
}

/** The words on the same line before and after what was found, the nearest first. Made once for each. */
export function around(text: string, found: Found<unknown>): Context {
  let context = contexts.get(found)
  if (!context) {
    context = { before: wordsBefore(text, found.start), after: wordsAfter(text, found.end) }
    contexts.set(found, context)
  }
  return context
}

type Context = { before: readonly string[]; after: readonly string[] }
const contexts = new WeakMap<Found<unknown>, Context>()

function wordsBefore(text: string, start: number): string[] {
  const lead = text.slice(Math.max(0, start - REACH.before), start)
  return wordsOf(lead.slice(lead.lastIndexOf('\n') + 1)).reverse()
}

function wordsAfter(text: string, end: number): string[] {
  const [line = ''] = text.slice(end, end + REACH.after).split('\n', 1)
  return wordsOf(line)
}

/** The words of a part of a text, as they are written. */
export function wordsBetween(text: string, start: number, end: number): string[] {
  return rawWords(text.slice(start, end))
}
