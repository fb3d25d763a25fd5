import { newStemmer } from 'snowball-stemmers'

/** The languages that words can be stemmed in, by their ISO 639-1 code. */
const NAMES: Readonly<Record<string, string>> = {
  ar: 'arabic',
  ca: 'catalan',
  cs: 'czech',
  da: 'danish',
  de: 'german',
  en: 'english',
  es: 'spanish',
  fi: 'finnish',
  fr: 'french',
  hu: 'hungarian',
  it: 'italian',
  nb: 'norwegian',
  nl: 'dutch',
  pt: 'portuguese',
  ro: 'romanian',
  ru: 'russian',
  sv: 'swedish',
  tr: 'turkish',
}
/** Longer ones are no words, and would only take time. */
const MAX_WORD = 40
/** Stemming takes longer than looking up, and texts repeat their words. */
const MAX_CACHED = 20_000

type Stemmer = (word: string) => string
const stemmers = new Map<string, Stemmer>()

/** The stemmer of a language; English for those that have none. */
export function stemmerOf(language: string): Stemmer {
  let stemmer = stemmers.get(language)
  if (!stemmer) {
    const { stem } = bound(newStemmer(NAMES[language] ?? 'english'))
    const cache = new Map<string, string>()
    const finish = NAMES[language] === undefined || language === 'en' ? english : (root: string): string => root
    stemmer = (word) => {
      if (word.length > MAX_WORD || word.length < 3) return word
      let root = cache.get(word)
      if (root === undefined) {
        root = finish(stem(word))
        if (cache.size >= MAX_CACHED) cache.clear()
        cache.set(word, root)
      }
      return root
    }
    stemmers.set(language, stemmer)
  }
  return stemmer
}

function bound(stemmer: { stem(word: string): string }): { stem: Stemmer } {
  return { stem: (word) => stemmer.stem(word) }
}

/** `delivery` and `delivered`, `urgency` and `urgent` are one: Snowball's English leaves them apart. */
function english(root: string): string {
  if (root.length > 5 && root.endsWith('i')) return root.slice(0, -1)
  return root.length > 5 && root.endsWith('enc') ? `${root.slice(0, -1)}t` : root
}
