import type { styleText } from 'node:util'
import type { Progress } from './progress.ts'

/** A colour or a weight, as node:util names them. */
export type Format = Parameters<typeof styleText>[0]

/** Where a command writes. What it was asked for goes to stdout, what is said about that to stderr. */
export type Output = {
  /** Whether `--json` was given: then each line, on either stream, is one JSON document. */
  json: boolean
  /** Of the terminal that stdout is; undefined when it is none, and nothing is shortened. */
  columns: number | undefined
  /** Writes a line to stdout. */
  print(line: string): void
  /** Writes a line to stderr, faint on a terminal. */
  remark(line: string): void
  /** Text for stdout in a colour, where that is a terminal and NO_COLOR is not set. */
  paint(format: Format, text: string): string
  /** Says on a terminal what is being waited for, until it is disposed of. Shows nothing elsewhere, or with `--json`. */
  progress(label: string): Progress
}

/** JSON in one line. 64-bit integers become strings, as in protobuf's JSON mapping. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
}

export { type Column, table } from './table.ts'
