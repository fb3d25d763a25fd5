import type { DescEnum, DescEnumValue } from '@bufbuild/protobuf'
import { commentOf } from '../../../contracts/comments.ts'
import type { Evidence } from './evidence.ts'
import { weightOf } from './terms.ts'
import type { Wanted } from './wanted.ts'
import { isStopWord, rawNameWords, rawWords, stem } from './words.ts'

/** What all words of a value's name count together; a word of its comment counts 1. */
const NAME_WEIGHT = 3
/** What is left of a word that stands right behind a negation: `not urgent` is nothing for URGENT, little for a comment. */
const DENIED = { name: 0, comment: 0.5 }
/** Words of a comment that make a value one of a list, when its name is not in the text. */
const ENOUGH = 2

/** A comment of so many words: in a longer one a word counts the less, since more of its words are there by chance. */
const LONG_COMMENT = 12
/** Letters of a word that counts in full: shorter ones are in many texts. */
const LONG_WORD = 6

/** Words are kept as they are written: they are stemmed in the text's language. */
type Clues = { value: DescEnumValue; name: readonly string[]; comment: readonly string[] }

/**
 * The value whose name and comment share most with a text, by its name. A word counts the less the more values have it. The
 * first of equals wins. Undefined when no word is shared, or the rules forbid the value.
 */
export function chooseEnum(wanted: Wanted, desc: DescEnum, evidence: Evidence): string | undefined {
  let best: { value: DescEnumValue; score: number } | undefined
  for (const { value, score } of scored(wanted, desc, evidence)) {
    if (score > (best?.score ?? 0)) best = { value, score }
  }
  return best?.value.name
}

/** The values that a text names, or shares several words of the comment with, in their declared order. */
export function chooseEnums(wanted: Wanted, desc: DescEnum, evidence: Evidence): string[] {
  const named = scored(wanted, desc, evidence).filter(({ named, comment }) => named || comment >= ENOUGH)
  return named.map(({ value }) => value.name)
}

type Scored = { value: DescEnumValue; score: number; named: boolean; comment: number }

function scored(wanted: Wanted, desc: DescEnum, evidence: Evidence): Scored[] {
  const { clues, rarity } = cluesOf(desc, wanted)
  const language = evidence.language()
  const terms = evidence.terms()
  return clues.map(({ value, name, comment }) => {
    const weigh = (words: readonly string[], denied: number): readonly number[] =>
      words.map((word) => weightOf(terms, word, language, denied) * (rarity.get(stem(word)) ?? 1) * telling(word))
    const names = weigh(name, DENIED.name)
    const remarks = weigh(comment, DENIED.comment)
    const score =
      (NAME_WEIGHT * sum(names)) / Math.max(1, names.length) +
      sum(remarks) / Math.sqrt(1 + remarks.length / LONG_COMMENT)
    return { value, score, named: names.length > 0 && !names.includes(0), comment: sum(remarks) }
  })
}

type Index = { clues: readonly Clues[]; rarity: ReadonlyMap<string, number> }
const cache = new WeakMap<Wanted, Index>()

function cluesOf(desc: DescEnum, wanted: Wanted): Index {
  let index = cache.get(wanted)
  if (!index) {
    const prefix = desc.sharedPrefix?.length ?? 0
    const clues = allowed(desc, wanted).map((value) => {
      const name = contentWords(rawNameWords(value.name.slice(prefix)))
      const remarks = [commentOf(value), ...remarksOn(value.name.slice(prefix), [commentOf(desc), wanted.comment])]
      const own = new Set(name.map(stem))
      const comment = contentWords(rawWords(remarks.join(' '))).filter((word) => !own.has(stem(word)))
      return { value, name, comment }
    })
    index = { clues, rarity: rarityOf(clues) }
    cache.set(wanted, index)
  }
  return index
}

/** Zero is what a field is without evidence, so it needs none. */
function allowed(desc: DescEnum, { rules }: Wanted): DescEnumValue[] {
  const rule = rules?.type.case === 'enum' ? rules.type.value : undefined
  return desc.values.filter(({ number }) => {
    if (rule && rule.in.length > 0 && !rule.in.includes(number)) return false
    if (rule?.const !== undefined && rule.const !== 0 && rule.const !== number) return false
    return (
      !rule?.notIn.includes(number) && !(number === 0 && /_?(UNSPECIFIED|UNKNOWN)$/.test(desc.value[0]?.name ?? ''))
    )
  })
}

/** Lines of the enum's or the field's comment that begin with the name of the value. */
function remarksOn(name: string, comments: readonly string[]): string[] {
  const start = name.toLowerCase()
  const lines = comments.flatMap((comment) => comment.toLowerCase().split('\n'))
  return lines.map((line) => line.replace(/^[\s*`-]+/, '')).filter((line) => line.startsWith(`${start}:`))
}

function contentWords(words: readonly string[]): string[] {
  const byStem = new Map(words.map((word) => [stem(word), word]))
  return [...byStem].filter(([root]) => !isStopWord(root) && !FILLERS.has(root)).map(([, word]) => word)
}

const FILLERS = new Set('customer ticket request message value unspecified'.split(' ').map(stem))

/** The inverse frequency of each stem over the values: 1 for a word that one value has, less for one that several have. */
function rarityOf(clues: readonly Clues[]): ReadonlyMap<string, number> {
  const owners = new Map<string, number>()
  for (const { name, comment } of clues) {
    for (const root of new Set([...name, ...comment].map(stem))) owners.set(root, (owners.get(root) ?? 0) + 1)
  }
  const scale = Math.log(1 + clues.length)
  return new Map([...owners].map(([root, count]) => [root, Math.log(1 + clues.length / count) / scale]))
}

function telling(word: string): number {
  return Math.min(1, word.length / LONG_WORD)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
