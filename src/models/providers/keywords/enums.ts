import type { DescEnum, DescEnumValue } from '@bufbuild/protobuf'
import { commentOf } from '../../../contracts/comments.ts'
import type { Wanted } from './wanted.ts'
import { isStopWord, nameWords, stem, wordsOf } from './words.ts'

/** What a word of a value's name counts; a word of its comment counts 1. */
const NAME_WEIGHT = 3

type Clues = { value: DescEnumValue; name: readonly string[]; comment: readonly string[] }

/**
 * The value whose name and comment share the most words with a text, by its name. A word that several values have counts
 * for each the less. The first of equals wins. Undefined when no word is shared, or the rules forbid the value.
 */
export function chooseEnum(wanted: Wanted, desc: DescEnum, words: ReadonlySet<string>): string | undefined {
  const clues = cluesOf(desc, wanted)
  const owners = ownersOf(clues)
  let best: DescEnumValue | undefined
  let bestScore = 0
  for (const { value, name, comment } of clues) {
    const weigh = (list: readonly string[]): number =>
      list.reduce((sum, word) => (words.has(word) ? sum + 1 / (owners.get(word) ?? 1) : sum), 0)
    const score = (name.length > 0 ? (NAME_WEIGHT * weigh(name)) / name.length : 0) + weigh(comment)
    if (score <= bestScore) continue
    best = value
    bestScore = score
  }
  return best?.name
}

/** The values all words of whose names are in a text, in their declared order. */
export function chooseEnums(wanted: Wanted, desc: DescEnum, words: ReadonlySet<string>): string[] {
  const named = cluesOf(desc, wanted).filter(({ name }) => name.length > 0 && name.every((word) => words.has(word)))
  return named.map(({ value }) => value.name)
}

const cache = new WeakMap<Wanted, readonly Clues[]>()

function cluesOf(desc: DescEnum, wanted: Wanted): readonly Clues[] {
  let clues = cache.get(wanted)
  if (!clues) {
    const prefix = desc.sharedPrefix?.length ?? 0
    clues = allowed(desc, wanted).map((value) => {
      const name = contentWords(nameWords(value.name.slice(prefix)))
      const remarks = [commentOf(value), ...remarksOn(value.name.slice(prefix), [commentOf(desc), wanted.comment])]
      const comment = contentWords(wordsOf(remarks.join(' '))).filter((word) => !name.includes(word))
      return { value, name, comment }
    })
    cache.set(wanted, clues)
  }
  return clues
}

/** Zero is what a field is without evidence, so it needs none. */
function allowed(desc: DescEnum, { rules }: Wanted): DescEnumValue[] {
  const rule = rules?.type.case === 'enum' ? rules.type.value : undefined
  return desc.values.filter(({ number }) => {
    if (rule && rule.in.length > 0 && !rule.in.includes(number)) return false
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
  return [...new Set(words)].filter((word) => !isStopWord(word) && !FILLERS.has(word))
}

const FILLERS = new Set('customer ticket request message value unspecified'.split(' ').map(stem))

function ownersOf(clues: readonly Clues[]): ReadonlyMap<string, number> {
  const owners = new Map<string, number>()
  for (const { name, comment } of clues) {
    for (const word of [...name, ...comment]) owners.set(word, (owners.get(word) ?? 0) + 1)
  }
  return owners
}
