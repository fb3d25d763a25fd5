import { stemmerOf } from './stemmer.ts'

const WORD = /[\p{L}\p{N}]+(?:['’]\p{L}+)*/gu

/** The words of a text in lower case, as they are written. `%` counts as the word `percent`, `e-mail` as `email`. */
export function rawWords(text: string): string[] {
  const words = text.toLowerCase().replaceAll('e-mail', 'email').replaceAll('%', ' percent ').match(WORD) ?? []
  return UNSPACED.test(text) ? words.flatMap(segmented) : words
}

/** Scripts that are written without spaces. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}]/u
const SEGMENTER = new Intl.Segmenter('und', { granularity: 'word' })
/** The segmenter takes long for what is no sentence. */
const MAX_RUN = 400

function segmented(run: string): string[] {
  if (!UNSPACED.test(run)) return [run]
  const words = [...SEGMENTER.segment(run.slice(0, MAX_RUN))]
  return words.filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment)
}

/** The words of a text, stemmed. */
export function wordsOf(text: string): string[] {
  return rawWords(text).map(stem)
}

/** The words of an identifier (`due_time`, `TicketService`, `HTTP_ERROR`), stemmed. */
export function nameWords(identifier: string): string[] {
  return rawNameWords(identifier).map(stem)
}

/** The words of an identifier in lower case. */
export function rawNameWords(identifier: string): string[] {
  return rawWords(identifier.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' '))
}

/** Stems of a list of words that is separated by spaces. */
export function stems(words: string): ReadonlySet<string> {
  return new Set(words.split(' ').map(stem))
}

/** Makes most forms of an English word equal: `charge`, `charged`, `charges`, `charging`. The result need not be a word. */
export function stem(word: string): string {
  return stemmerOf('en')(withoutPossessive(word))
}

/** A word by its stem in English, and in the language of the text where that is another. */
export function stemsIn(word: string, language: string | undefined): readonly string[] {
  const english = stem(word)
  if (language === undefined || language === 'en') return [english]
  const own = stemmerOf(language)(withoutPossessive(word))
  return own === english ? [english] : [english, own]
}

function withoutPossessive(word: string): string {
  return word.replace(/['’]s?$/, '')
}

const STOP = stems(
  'a about above after again all also am an and another any anything are as at be because been before being below ' +
    'between both but by can cannot could did do does doing done down during each either else every few for from ' +
    'further get gets go goes going got had has have having he her here hers him his how i if in into is it its itself ' +
    'just let like made make many may me might more most much must my need needs no nor not nothing now of off on once ' +
    'one only or other our out over own per please same say says see she should so some someone something still such ' +
    'than that the their them then there these they thing this those through to too two under until up us use used ' +
    'uses very was way we well were what when where whether which while who whose why will with without would yes yet ' +
    'you your yours hello hi dear thank thanks regards',
)

/** Whether a stemmed word says nothing about what a text is about. */
export function isStopWord(word: string): boolean {
  return word.length < 2 || STOP.has(word)
}

const NEGATIONS = new Set(
  (
    'no not never without cannot none neither nor hardly nicht nie niemals ohne kein keine keinen keinem keiner keines ' +
    'pas jamais sans aucun aucune sin nunca ningún ninguna não nem sem nunca nenhum nenhuma non senza mai nessun nessuna ' +
    'niet nooit geen zonder inte aldrig utan ingen inget ikke aldri uten nie bez nem не нет без ни никогда'
  ).split(' '),
)

/** Whether a word as it is written, or its stem, turns what it stands with into its opposite. */
export function isNegation(word: string): boolean {
  return NEGATIONS.has(word) || /n['’]t$/.test(word)
}
