import type { OperationFilter } from '../../storage/statements/operation-row.ts'
import { combine } from './combine.ts'
import { comparison } from './comparison.ts'
import { filterInvalid, orderInvalid } from './refuse.ts'
import { type Token, Tokens } from './tokens.ts'

/**
 * Reads an AIP-160 filter: comparisons joined by AND, or by nothing but a space, which is the same; brackets may be around any of
 * them. Null when nothing can match. Throws FILTER_INVALID for what no index serves: OR, NOT, functions and all other fields.
 */
export function parseFilter(text: string): OperationFilter | null {
  const tokens = new Tokens(text)
  if (tokens.peek().kind === 'end') return {}
  const filter = conjunction(tokens, 0)
  const rest = tokens.next()
  if (rest.kind !== 'end') throw unexpected(rest)
  return filter
}

const maxDepth = 50

function conjunction(tokens: Tokens, depth: number): OperationFilter | null {
  let filter = term(tokens, depth)
  for (;;) {
    const next = tokens.peek()
    if (next.kind === 'end' || (next.kind === 'bracket' && next.text === ')')) return filter
    if (next.kind === 'word' && next.text === 'AND') tokens.next()
    filter = combine(filter, term(tokens, depth))
  }
}

function term(tokens: Tokens, depth: number): OperationFilter | null {
  const field = tokens.next()
  if (field.kind === 'bracket' && field.text === '(') {
    if (depth >= maxDepth) throw filterInvalid(field.at, 'brackets are nested too deep')
    const inner = conjunction(tokens, depth + 1)
    const end = tokens.next()
    if (end.text !== ')') throw unexpected(end)
    return inner
  }
  if (field.kind !== 'word') throw unexpected(field)
  if (field.text === 'OR' || field.text === 'NOT' || field.text === 'AND' || field.text.startsWith('-')) {
    throw filterInvalid(field.at, `${field.text.startsWith('-') ? '-' : field.text} cannot be here`)
  }
  const operator = tokens.next()
  if (operator.kind === 'bracket') throw filterInvalid(operator.at, 'there are no functions')
  if (operator.kind !== 'operator') throw filterInvalid(operator.at, `${field.text} must be compared with something`)
  const value = tokens.next(true)
  if (value.kind !== 'word' && value.kind !== 'text') throw unexpected(value)
  return combine({}, comparison(field, operator, value))
}

function unexpected({ kind, text, at }: Token): Error {
  return filterInvalid(at, kind === 'end' ? 'it ends too early' : `${JSON.stringify(text)} is not expected`)
}

/** Reads `order_by`. Throws FILTER_INVALID. */
export function parseOrder(text: string): 'asc' | 'desc' {
  const words = text.trim().split(/\s+/).join(' ')
  if (words === '' || words === 'accept_time desc') return 'desc'
  if (words === 'accept_time' || words === 'accept_time asc') return 'asc'
  throw orderInvalid()
}
