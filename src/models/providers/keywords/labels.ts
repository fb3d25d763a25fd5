import { type Evidence, withoutSuffix } from './evidence.ts'
import type { Label } from './lines.ts'
import { type Wanted, wantedOf } from './wanted.ts'
import { wordsOf } from './words.ts'

const MAX_LABELS = 100

/**
 * The labels under a heading that shares a word with a field's name; without such a heading all but those of its sibling
 * fields. Whole blocks are none.
 */
export function labelsFor({ words, field }: Wanted, evidence: Evidence): Label[] {
  const labels = evidence.lines().labels.filter(({ value }) => !value.includes('\n'))
  const under = labels.filter(({ heading }) => heading.some((word) => words.includes(word)))
  if (under.length > 0) return under.slice(0, MAX_LABELS)
  const siblings = new Set(field.parent.fields.map((each) => withoutSuffix(wantedOf(each).words).join(' ')))
  return labels.filter(({ key }) => !siblings.has(withoutSuffix(wordsOf(key)).join(' '))).slice(0, MAX_LABELS)
}
