import { styleText } from 'node:util'
import { oneLine } from './text.ts'

export type FailureDetails = {
  /** 1: refused or failed (the default). 2: wrong usage. */
  exitCode?: 1 | 2
  /** What to do about it, in a few words. */
  hint?: string | undefined
  /** What is wrong in detail: one stands behind the message, several in lines of their own below it. */
  lines?: readonly string[]
  /** What the JSON form has beside the message. */
  json?: Readonly<Record<string, unknown>>
}

/** What a command ends with when it cannot do what it was asked. Its message is one line, for a person. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: 1 | 2
  readonly hint: string | undefined
  readonly lines: readonly string[]
  readonly json: Readonly<Record<string, unknown>>

  constructor(message: string, { exitCode = 1, hint, lines = [], json = {} }: FailureDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
    this.hint = hint
    this.lines = lines
    this.json = json
  }
}

/** Wrong usage: exit code 2. */
export function misuse(message: string, hint?: string): Failure {
  return new Failure(message, { exitCode: 2, hint })
}

/**
 * A failure as it is printed on stderr, with its line end: one line with the hint in it, or a JSON document in one line.
 * Only a list of several faults takes a line for each. Never a stack trace.
 */
export function printFailure(error: unknown, json: boolean): string {
  const { message, hint, lines, json: more } = error instanceof Failure ? error : new Failure(textOf(error))
  if (json) return `${JSON.stringify({ error: { message, ...more, ...(hint !== undefined && { hint }) } })}\n`
  const only = lines.length === 1 ? `: ${lines[0]}` : ''
  const advice = hint === undefined ? '' : painted('dim', ` — ${oneLine(hint)}`)
  const list = lines.length > 1 ? lines.map((line) => `  ${oneLine(line)}\n`).join('') : ''
  return `${painted('red', 'error:')} ${oneLine(message + only)}${advice}\n${list}`
}

/** On a terminal; without NO_COLOR. */
function painted(format: 'red' | 'dim', text: string): string {
  return styleText(format, text, { stream: process.stderr })
}

function textOf(error: unknown): string {
  // What holds several errors, as of a host with several addresses, has no message of its own.
  const named = error instanceof AggregateError && error.message === '' ? error.errors[0] : error
  return named instanceof Error ? named.message || named.name : String(named)
}
