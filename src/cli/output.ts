import type { Progress } from './progress.ts'
import { type Column, type Paint, table } from './table.ts'

export { type Column, table }

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
  paint: Paint
  /** Says on a terminal what is being waited for, until it is disposed of. Shows nothing elsewhere, or with `--json`. */
  progress(label: string): Progress
}

/** Prints rows as a table that fits the terminal, if there is one. */
export function printTable<T>(output: Output, rows: readonly T[], columns: readonly Column<T>[]): void {
  for (const line of table(rows, columns, output.columns, output.paint)) output.print(line)
}
