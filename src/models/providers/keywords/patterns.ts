import type { Evidence } from './evidence.ts'
import { fits } from './fits.ts'
import type { Wanted } from './wanted.ts'

const MAX_TOKENS = 3_000
const MAX_TOKEN = 200
const LONGEST_PLAIN = 16
/** What says nothing when it has the form that a rule asks for, since any word or number has it. */
const PLAIN = Array.from({ length: LONGEST_PLAIN }, (_, index) => index + 1).flatMap((length) => [
  'a'.repeat(length),
  'A'.repeat(length),
  `A${'a'.repeat(length - 1)}`,
  '1'.repeat(length),
])

/**
 * The first word of a text that has the form that the field's rules ask for (a pattern, or a format such as a UUID, an IP
 * address or a host name), where that form is one that no plain word has.
 */
export function formed({ field, rules }: Wanted, { method, text, part }: Evidence): string | undefined {
  if (rules?.type.case !== 'string' || part === 'value') return undefined
  const { pattern, wellKnown } = rules.type.value
  if (pattern === '' && wellKnown.value !== true) return undefined
  const fitting = (value: string): boolean => fits(method, field, value)
  // A bare label is a host name, too.
  const dotted = wellKnown.case === 'hostname' || wellKnown.case === 'address' || wellKnown.case === 'hostAndPort'
  if (!dotted && PLAIN.some(fitting)) return undefined
  for (const token of tokensOf(text)) {
    if (dotted && !/\.[a-z]{2,}$|\d\.\d|:/i.test(token)) continue
    if (fitting(token)) return token
  }
  return undefined
}

function* tokensOf(text: string): Generator<string> {
  let count = 0
  for (const [run] of text.matchAll(/\S+/g)) {
    if (++count > MAX_TOKENS) return
    if (run.length > MAX_TOKEN) continue
    const token = run.replace(/^["'(<[{#“„«]{1,9}|["')>\]}.,;:!?”“»]{1,9}$/g, '')
    if (token !== '') yield token
  }
}
