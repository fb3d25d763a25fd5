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
}

/** JSON in one line. 64-bit integers become strings, as in protobuf's JSON mapping. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
}

export type Column<T> = {
  title: string
  cell: (row: T) => string
  /** Cut off when the terminal is too narrow. */
  shrinks?: boolean
}

/** Prints rows as a table: columns as wide as they need, those that shrink cut off where a terminal ends. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], width: number | undefined): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  const gaps = gap.length * (columns.length - 1)
  for (const [index, { shrinks }] of columns.entries()) {
    const excess = widths.reduce((sum, each) => sum + each, gaps) - (width ?? Number.POSITIVE_INFINITY)
    const own = widths[index] ?? 0
    if (shrinks && excess > 0) widths[index] = Math.max(own - excess, Math.min(own, narrowest))
  }
  return cells.map((line) =>
    line
      .map((cell, index) => sized(cell, widths[index] ?? 0))
      .join(gap)
      .trimEnd(),
  )
}

const gap = '  '
const narrowest = 12

function sized(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)
}
