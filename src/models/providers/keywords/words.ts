const WORD = /[\p{L}\p{N}]+(?:['’]\p{L}+)*/gu

/** The words of a text in lower case, as they are written. `%` counts as the word `percent`, `e-mail` as `email`. */
export function rawWords(text: string): string[] {
  return text.toLowerCase().replaceAll('e-mail', 'email').replaceAll('%', ' percent ').match(WORD) ?? []
}

/** The words of a text, stemmed. */
export function wordsOf(text: string): string[] {
  return rawWords(text).map(stem)
}

/** The words of an identifier (`due_time`, `TicketService`, `HTTP_ERROR`), stemmed. */
export function nameWords(identifier: string): string[] {
  return wordsOf(identifier.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' '))
}

/** Stems of a list of words that is separated by spaces. */
export function stems(words: string): ReadonlySet<string> {
  return new Set(words.split(' ').map(stem))
}

/** Makes most forms of an English word equal: `charge`, `charged`, `charges`, `charging`. The result need not be a word. */
export function stem(word: string): string {
  if (word.length < 4) return word
  let root = word.replace(/['’]s?$/, '')
  if (root.endsWith('ies')) root = `${root.slice(0, -3)}y`
  else if (/[^su]s$/.test(root)) root = root.slice(0, -1)
  if (root.length > 6 && root.endsWith('ing')) root = root.slice(0, -3)
  else if (root.length > 5 && root.endsWith('ed')) root = root.slice(0, -2)
  else if (root.length > 5 && root.endsWith('ly')) root = root.slice(0, -2)
  if (/([bdgmnprt])\1$/.test(root)) root = root.slice(0, -1)
  if (root.length > 3 && root.endsWith('e')) root = root.slice(0, -1)
  return root.length > 4 && root.endsWith('y') ? root.slice(0, -1) : root
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

const NEGATIONS = stems('no not never without cannot none neither nor')

/** Whether a stemmed word turns what follows it into its opposite. */
export function isNegation(word: string): boolean {
  return NEGATIONS.has(word) || /n['’]t$/.test(word)
}
