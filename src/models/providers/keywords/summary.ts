import type { FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Evidence } from './evidence.ts'
import { isStopWord, wordsOf } from './words.ts'

const MAX_SUMMARY = 300
const MAX_TITLE = 80
const MAX_SENTENCES = 3
const MAX_RANKED = 400
/** What the first sentence is worth more than a late one: people say first what they write about. */
const LEAD = 1.5

/**
 * The sentences that say most of what the text is about, in their order: at most three, 300 characters or what the rules allow
 * (more where they ask for more). A sentence ranks by how often its words occur in the text, and the first ones above others.
 */
export function summaryOf(evidence: Evidence, rules: FieldRules | undefined): string | undefined {
  const least = minLength(rules)
  const limit = Math.min(Math.max(MAX_SUMMARY, least), maxLength(rules))
  const sentences = evidence.sentences().slice(0, MAX_RANKED)
  const [first] = sentences
  if (first === undefined) return undefined
  const order = rankedOf(sentences)
  const chosen = new Set<number>()
  let length = 0
  for (const index of order) {
    const more = characters(sentences[index] ?? '') + (chosen.size > 0 ? 1 : 0)
    if ((chosen.size >= MAX_SENTENCES && length >= least) || length + more > limit) continue
    chosen.add(index)
    length += more
  }
  if (chosen.size === 0) return shortened(sentences[order[0] ?? 0] ?? first, limit)
  return sentences.filter((_, index) => chosen.has(index)).join(' ')
}

/** The places of sentences, the most telling first. */
function rankedOf(sentences: readonly string[]): number[] {
  const terms = sentences.map((sentence) => [...new Set(wordsOf(sentence))].filter((word) => !isStopWord(word)))
  const counts = new Map<string, number>()
  for (const word of terms.flat()) counts.set(word, (counts.get(word) ?? 0) + 1)
  const scores = terms.map((words, index) => {
    const shared = words.reduce((sum, word) => sum + (counts.get(word) ?? 1) - 1, 0)
    return (shared + 1) / Math.sqrt(words.length + 4) + LEAD / (1 + index)
  })
  return [...sentences.keys()].toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
}

/** The start of the first sentence, without its full stop: at most 80 characters, or what the rules allow. */
export function titleOf(evidence: Evidence, rules: FieldRules | undefined): string | undefined {
  const [first] = evidence.sentences()
  return first && shortened(first.replace(/\.$/, ''), Math.min(MAX_TITLE, maxLength(rules)))
}

/** A text cut to a number of characters (code points, as protovalidate counts), at a space where there is one, with `…`. */
export function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text
  const points = [...text.slice(0, 2 * limit + 2)]
  if (points.length <= limit) return points.join('')
  const kept = points.slice(0, Math.max(0, limit - 1)).join('')
  const space = kept.lastIndexOf(' ')
  return limit < 1 ? '' : `${(space > kept.length / 2 ? kept.slice(0, space) : kept).trimEnd()}…`
}

export function maxLength(rules: FieldRules | undefined): number {
  if (rules?.type.case !== 'string') return Number.POSITIVE_INFINITY
  const { maxLen, len, maxBytes } = rules.type.value
  const limits = [maxLen, len].filter((limit) => limit > 0n)
  // A character takes four bytes at most.
  if (maxBytes > 0n) limits.push(maxBytes / 4n)
  return Math.min(...limits.map(Number), Number.POSITIVE_INFINITY)
}

function minLength(rules: FieldRules | undefined): number {
  if (rules?.type.case !== 'string') return 0
  const { minLen, len } = rules.type.value
  return Math.min(10_000, Math.max(Number(minLen), Number(len)))
}

function characters(text: string): number {
  return [...text].length
}
