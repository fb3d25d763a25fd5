/** One to twelve in the languages that quantities and durations are read in; a word may be in several. */
const WORDS = [
  'a an one eine einen einer ein une un una um uma een en ett uno',
  'two zwei deux dos due duas dois twee två to',
  'three drei trois tres tre três drie',
  'four vier quatre cuatro quattro quatro fyra fire',
  'five fünf cinq cinco cinque vijf fem',
  'six sechs seis sei zes sex seks',
  'seven sieben sept siete sette sete zeven sju syv',
  'eight acht huit ocho otto oito åtta otte',
  'nine neun neuf nueve nove negen nio ni',
  'ten zehn dix diez dieci dez tien tio ti',
  'eleven elf onze once undici elva',
  'twelve zwölf douze doce dodici doze twaalf tolv',
]

const VALUES: ReadonlyMap<string, number> = new Map([
  ...WORDS.flatMap((words, index) => words.split(' ').map((word) => [word, index + 1] as const)),
])

/** The words from two up, and one in those forms that are not an article as well: what counts as a number in a text. */
const AMBIGUOUS = new Set(
  'a an eine einen einer ein une un una um uma een en ett due to sei sex once ni ti fire tio tre elf'.split(' '),
)
export const COUNTING_WORDS: readonly string[] = [...VALUES.keys(), 'zero'].filter((word) => !AMBIGUOUS.has(word))

/** All of them, longest first, for use in an expression in front of a unit, where an article counts one. */
export const NUMBER_WORDS: readonly string[] = [...VALUES.keys()].toSorted((a, b) => b.length - a.length)

/** The value of a number that is written as a word. */
export function wordValue(word: string): number | undefined {
  return word === 'zero' ? 0 : VALUES.get(word)
}
