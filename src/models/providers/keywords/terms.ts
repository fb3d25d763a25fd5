import { isNegation, isStopWord, rawWords, stemsIn } from './words.ts'

/** How often a word stands in a text, and how often right behind a negation. */
type Count = { count: number; negated: number }

/** What a text speaks of: its words by their stems, and the words by how they begin. */
export type Terms = { stems: ReadonlyMap<string, Count>; beginnings: ReadonlyMap<string, Count> }

/** So much of a word has to be the same for a compound or another form: `Rechnungsadresse` begins with `Rechnung`. */
const MIN_BEGINNING = 5
const MAX_BEGINNING = 24
/** What such a word counts of a whole one. */
const BEGINNING = 0.6

/** The terms of a text by their stems in English and in its own language. */
export function termsOf(text: string, language: string | undefined): Terms {
  const stems = new Map<string, Count>()
  const beginnings = new Map<string, Count>()
  for (const clause of text.split(/[.!?,;:\n]+/)) {
    let negated = false
    for (const word of rawWords(clause)) {
      for (const written of [word, ...withoutDigits(word)]) {
        for (const form of stemsIn(written, language)) if (!isStopWord(form)) add(stems, form, negated)
        const end = Math.min(written.length, MAX_BEGINNING)
        for (let length = MIN_BEGINNING; length < end; length++) add(beginnings, written.slice(0, length), negated)
      }
      negated = isNegation(word)
    }
  }
  return { stems, beginnings }
}

function add(counts: Map<string, Count>, term: string, negated: boolean): void {
  const known = counts.get(term)
  if (known) {
    known.count++
    if (negated) known.negated++
  } else counts.set(term, { count: 1, negated: negated ? 1 : 0 })
}

/** `python3` speaks of `python`. */
function withoutDigits(word: string): string[] {
  const letters = /^(\p{L}{3,})\d{1,4}$/u.exec(word)?.[1]
  return letters === undefined ? [] : [letters]
}

/**
 * How much a text speaks of a word: 0 not at all, 1 once, hardly more for more often; less for words that only begin like it.
 * `denied` is what is left of it behind a negation.
 */
export function weightOf(
  { stems, beginnings }: Terms,
  word: string,
  language: string | undefined,
  denied: number,
): number {
  const forms = stemsIn(word, language)
  let most = 0
  for (const form of forms) most = Math.max(most, meant(stems.get(form), denied))
  if (most > 0 || forms.some((form) => stems.has(form))) return most
  for (const form of forms) most = Math.max(most, Math.min(1, meant(beginnings.get(form), denied)) * BEGINNING)
  return most
}

function meant(count: Count | undefined, denied: number): number {
  if (!count) return 0
  const times = count.count - count.negated * (1 - denied)
  return times > 1 ? 1 + Math.log(times) / 4 : times
}
