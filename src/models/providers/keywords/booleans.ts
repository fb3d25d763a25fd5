import type { Evidence } from './evidence.ts'
import { synonymsOf } from './synonyms.ts'
import { isNegation, isStopWord, stems } from './words.ts'

const YES = /^(?:yes|y|true|on|1|ja|oui|sí|si|sì|sim|да|✓|✔|x)(?![\p{L}\p{N}])/iu
const NO = /^(?:no|n|false|off|0|none|nein|non|não|nee|nej|нет|✗|✘)(?![\p{L}\p{N}])/iu
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
 * Whether one sentence or line has all words of one of a field's names: `refund_requested` is true by "I ask for a refund", and
 * false where a word such as `not` stands up to four words before in the same clause, or right behind. Undefined when no
 * sentence has them.
 */
export function stated(names: readonly (readonly string[])[], evidence: Evidence): boolean | undefined {
  for (const name of names) {
    const said = statedBy(name, evidence)
    if (said !== undefined) return said
  }
  return undefined
}

function statedBy(words: readonly string[], evidence: Evidence): boolean | undefined {
  const subject = words.filter((word) => !ASKING.has(word) && !isStopWord(word))
  if (
    subject.length === 0 ||
    !subject.every((word) => synonymsOf(word).some((same) => evidence.terms().stems.has(same)))
  )
    return undefined
  for (const sentence of evidence.spoken()) {
    const positions = subject.map((word) => {
      const same = synonymsOf(word)
      return sentence.findIndex(({ forms }) => forms.some((form) => same.includes(form)))
    })
    if (positions.includes(-1)) continue
    const first = Math.min(...positions)
    const last = Math.max(...positions)
    // A comma ends what a negation before it denies; the words themselves may lie around it.
    const before = sentence.slice(Math.max(0, first - 4), first)
    const clause = before.slice(before.findLastIndex(({ endsClause }) => endsClause) + 1)
    const denied = [...clause, ...sentence.slice(first, last + 2)].some(({ written }) => isNegation(written))
    return !denied
  }
  return undefined
}
