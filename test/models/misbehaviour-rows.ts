import type { Misbehaviour } from '../support/misbehaviour.ts'

/** How long the model misbehaves. With `a spare`, the method names a second model, which is well. */
export type When = 'once' | 'twice' | 'always' | 'always, with a spare'

/** What a model does, and what has to come of it. */
export type Row = {
  misbehaviour: Misbehaviour
  when: When
  /** The reason of the error, or OK. */
  answer: string
  /** Of each completion: the outcome, and how much of its usage the vendor told before it ended, when that is not all. */
  ledger: readonly Entry[]
}

type Entry =
  | 'VALID'
  | 'INVALID'
  | 'INVALID begun'
  | 'REFUSED'
  | 'TRUNCATED'
  | 'TRUNCATED begun'
  | 'FAILED nothing'
  | 'FAILED begun'
  | 'ABORTED nothing'
  | 'ABORTED begun'

const overloads = ['408', '409', '429', '429 with retry-after', '500', '529'] as const
const hangs = ['hang after headers', 'hang in mid-answer'] as const
const cuts = [
  'cut in mid-JSON',
  'cut in mid-event',
  'cut in mid-UTF-8',
  'clean end in mid-JSON',
  'clean end in mid-event',
  'clean end in mid-UTF-8',
  'malformed chunk',
  'error event',
] as const

/** A method that returns one message, or a stream of them. */
export const shapes = ['unary', 'stream'] as const
export type Shape = (typeof shapes)[number]

/**
 * What is expected of a method with a policy of two attempts and two repairs in each. One that hangs is ended by the attempt's
 * timeout; with a spare, by the model's own, which leaves time for the spare.
 */
export function rowsOf(shape: Shape): readonly Row[] {
  // Nobody reads on behind the first item that breaks the contract.
  const invalid = shape === 'stream' ? 'INVALID begun' : 'INVALID'
  return [
    ...rows(['400', '413'], 'always, with a spare', 'MODEL_REJECTED_REQUEST', 'FAILED nothing'),
    ...rows(['401', '403', '404'], 'always', 'MODELS_EXHAUSTED', 'FAILED nothing'),
    ...rows(['401', '403', '404'], 'always, with a spare', 'OK', 'FAILED nothing', 'VALID'),
    ...rows(overloads, 'once', 'OK', 'FAILED nothing', 'VALID'),
    ...rows(overloads, 'always', 'MODELS_EXHAUSTED', 'FAILED nothing', 'FAILED nothing'),
    ...rows(overloads, 'always, with a spare', 'OK', 'FAILED nothing', 'VALID'),
    ...rows(cuts, 'once', 'OK', 'FAILED begun', 'VALID'),
    ...rows(cuts, 'always', 'MODELS_EXHAUSTED', 'FAILED begun', 'FAILED begun'),
    ...rows(cuts, 'always, with a spare', 'OK', 'FAILED begun', 'VALID'),
    ...rows(['hang before headers'], 'once', 'OK', 'ABORTED nothing', 'VALID'),
    ...rows(['hang before headers'], 'always', 'OPERATION_TIMED_OUT', 'ABORTED nothing', 'ABORTED nothing'),
    ...rows(hangs, 'once', 'OK', 'ABORTED begun', 'VALID'),
    ...rows(hangs, 'always', 'OPERATION_TIMED_OUT', 'ABORTED begun', 'ABORTED begun'),
    ...rows(['hang before headers'], 'always, with a spare', 'OK', 'FAILED nothing', 'VALID'),
    ...rows(hangs, 'always, with a spare', 'OK', 'FAILED begun', 'VALID'),
    ...rows(['wrong schema'], 'once', 'OK', invalid, 'VALID'),
    ...rows(['wrong schema'], 'twice', 'OK', invalid, invalid, 'VALID'),
    ...rows(['wrong schema'], 'always, with a spare', 'ANSWER_INVALID', invalid, invalid, invalid),
    ...rows(['token limit'], 'once', 'OK', 'TRUNCATED', 'VALID'),
    ...rows(['token limit'], 'always, with a spare', 'ANSWER_INVALID', 'TRUNCATED', 'TRUNCATED', 'TRUNCATED'),
    ...rows(['refusal'], 'always, with a spare', 'MODEL_REFUSED', 'REFUSED'),
    ...rows(['50 ms per token'], 'always', 'OK', 'VALID'),
    ...rows(['answer of 10 MB'], 'once', 'OK', shape === 'stream' ? 'INVALID begun' : 'TRUNCATED begun', 'VALID'),
  ]
}

function rows(misbehaviours: readonly Misbehaviour[], when: When, answer: string, ...ledger: Entry[]): Row[] {
  return misbehaviours.map((misbehaviour) => ({ misbehaviour, when, answer, ledger }))
}
