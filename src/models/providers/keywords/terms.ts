import { isNegation, isStopWord, rawWords, stemsIn } from './words.ts'

/** The stems of a text that say what it is about: how often each stands there, and how often right behind a negation. */
export type Terms = ReadonlyMap<string, { count: number; negated: number }>

/** Words that are in most requests and so tell nothing. */
const MIN_PREFIX = 5
/** Languages that write compounds as one word: `Rechnungsadresse` begins with `Rechnung`. */
const COMPOUNDING = new Set(['de', 'nl', 'sv', 'da', 'nb', 'fi', 'hu'])

/** The terms of a text by their stems in English and in its own language. */
export function termsOf(text: string, language: string | undefined): Terms {
  const terms = new Map<string, { count: number; negated: number }>()
  const add = (term: string, negated: boolean, weight: number): void => {
    const known = terms.get(term) ?? { count: 0, negated: 0 }
    known.count += weight
    if (negated) known.negated += weight
    terms.set(term, known)
  }
  for (const clause of text.split(/[.!?,;:\n]+/)) {
    let negated = false
    for (const word of rawWords(clause)) {
      const forms = stemsIn(word, language)
      for (const form of forms) if (!isStopWord(form)) add(form, negated, 1)
      if (language !== undefined && COMPOUNDING.has(language) && word.length <= 40) {
        for (let end = MIN_PREFIX; end < word.length - 2; end++) add(`${word.slice(0, end)}…`, negated, 0.5)
      }
      negated = isNegation(word)
    }
  }
  return terms
}

/** How much a text speaks of a word: 0 not at all, 1 once, hardly more for more often. */
export function weightOf(terms: Terms, word: string, language: string | undefined, denied: number): number {
  let most = 0
  for (const form of [...stemsIn(word, language), `${word.slice(0, 40)}…`]) {
    const term = terms.get(form)
    if (!term) continue
    const meant = term.count - term.negated * (1 - denied)
    most = Math.max(most, meant > 1 ? 1 + Math.log(meant) / 4 : meant)
  }
  return most
}
