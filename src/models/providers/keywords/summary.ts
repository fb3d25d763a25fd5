import type { FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Evidence } from './evidence.ts'

const MAX_SUMMARY = 300
const MAX_TITLE = 80
const MAX_SENTENCES = 3

/** The first sentences that fit: at most three, 300 characters or what the rules allow, and at least the start of the first. */
export function summaryOf(evidence: Evidence, rules: FieldRules | undefined): string | undefined {
  const limit = Math.min(MAX_SUMMARY, maxLength(rules))
  const [first, ...others] = evidence.sentences()
  if (first === undefined) return undefined
  let summary = shortened(first, limit)
  for (const sentence of others.slice(0, MAX_SENTENCES - 1)) {
    if (characters(summary) + 1 + characters(sentence) > limit) break
    summary += ` ${sentence}`
  }
  return summary
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

function characters(text: string): number {
  return [...text].length
}
