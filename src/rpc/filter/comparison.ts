import type { OperationFilter, Span, State } from '../../storage/statements/operation-row.ts'
import { filterInvalid } from './refuse.ts'
import type { Token } from './tokens.ts'

const states: ReadonlySet<string> = new Set<State>(['READY', 'WAITING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'])
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)$/

/** What one comparison asks for. Throws FILTER_INVALID. */
export function comparison(field: Token, operator: Token, value: Token): OperationFilter {
  const { text } = value
  const equal = () => {
    if (operator.text !== '=') throw filterInvalid(operator.at, `${field.text} cannot be compared by ${operator.text}`)
  }
  const wrong = (expected: string) => filterInvalid(value.at, `${field.text} is ${expected}`)
  switch (field.text) {
    case 'state': {
      equal()
      const name = text.replace(/^OPERATION_STATE_/, '')
      if (!isState(name)) throw wrong(`one of ${[...states].join(', ')}`)
      return { state: name }
    }
    case 'done':
      equal()
      if (text !== 'true' && text !== 'false') throw wrong('true or false')
      return { done: text === 'true' }
    case 'contract': {
      equal()
      const name = /^(?:contracts\/)?([A-Za-z_][\w.]*)$/.exec(text)?.[1]
      if (name === undefined) throw wrong('a name such as contracts/package.Service')
      return { contract: name }
    }
    case 'method': {
      equal()
      const [, contract, method] = /^(?:([A-Za-z_][\w.]*)\/)?([A-Za-z_]\w*)$/.exec(text) ?? []
      if (method === undefined) throw wrong('a name such as Method or package.Service/Method')
      return { method, ...(contract === undefined ? {} : { contract }) }
    }
    case 'accept_time':
    case 'settle_time': {
      const ms = milliseconds(text)
      if (ms === undefined) throw wrong('a time in RFC 3339, such as "2026-01-31T09:30:00Z"')
      const span = spanOf(operator, ms)
      return field.text === 'accept_time' ? { accepted: span } : { settled: span, done: true }
    }
    default:
      throw filterInvalid(field.at, `there is no field ${JSON.stringify(field.text)}`)
  }
}

function isState(name: string): name is State {
  return states.has(name)
}

/** Milliseconds since 1970, with what is finer as a fraction. */
function milliseconds(text: string): number | undefined {
  const match = rfc3339.exec(text)
  const ms = match ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) return undefined
  const finer = (match?.[1] ?? '').slice(3)
  return finer === '' ? ms : ms + Number(`0.${finer}`)
}

/** Which whole milliseconds match: times are shown in them. */
function spanOf({ text, at }: Token, ms: number): Span {
  const [next, after] = [Math.ceil(ms), Math.floor(ms) + 1]
  switch (text) {
    case '<':
      return { before: next }
    case '<=':
      return { before: after }
    case '>':
      return { from: after }
    case '>=':
      return { from: next }
    case '=':
      return { from: next, before: after }
    default:
      throw filterInvalid(at, `times cannot be compared by ${text}`)
  }
}
