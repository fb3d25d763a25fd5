import type { Evidence } from './evidence.ts'
import { isNegation, isStopWord, stems } from './words.ts'

const YES = /^(?:yes|y|true|on|1)(?![\p{L}\p{N}])/iu
const NO = /^(?:no|n|false|off|0|none)(?![\p{L}\p{N}])/iu
/** Words of a name that say that it is a question, not about what. */
const ASKING = stems(
  'is has have had was were are needs need requires require wants want should can asked required requested',
)

/** `yes`, `no` and their like. */
export function readBoolean(value: string): boolean | undefined {
  if (YES.test(value)) return true
  return NO.test(value) ? false : undefined
}

/**
 * Whether one sentence or line has all words of a field's name: `refund_requested` is true by "I ask for a refund", and
 * false where a word such as `not` stands before. Undefined when no sentence has them.
 */
export function stated(words: readonly string[], evidence: Evidence): boolean | undefined {
  const subject = words.filter((word) => !ASKING.has(word) && !isStopWord(word))
  if (subject.length === 0 || !subject.every((word) => evidence.words().has(word))) return undefined
  for (const sentence of evidence.spoken()) {
    const positions = subject.map((word) => sentence.indexOf(word))
    if (positions.includes(-1)) continue
    const first = Math.min(...positions)
    return !sentence.slice(Math.max(0, first - 4), first).some(isNegation)
  }
  return undefined
}
