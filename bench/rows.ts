import { type Column, table } from '../src/cli/output.ts'

/** A measured rate, in calls a second, with the latencies at that concurrency. */
export type RateRow = {
  name: string
  concurrency: number
  rate: number
  p50_ms: number
  p99_ms: number
  /** Of the rate to that of the peer at the same concurrency. */
  ratio?: number
  /** The least that `ratio` has to be, and whether it is. */
  target?: number
  ok?: boolean
}

/** Anything else that was found out. */
export type ValueRow = { name: string; value: number | string; unit?: string }

export type Row = RateRow | ValueRow

/** What a person reads: the rates as a table, then the other values. */
export function readable(rows: readonly Row[]): string[] {
  const values = rows.filter((row) => 'value' in row)
  const width = Math.max(0, ...values.map(({ name }) => name.length))
  return [
    ...table(
      rows.filter((row) => 'rate' in row),
      columns,
      undefined,
    ),
    '',
    ...values.map(({ name, value, unit }) => `${name.padEnd(width)}  ${[value, unit].filter(Boolean).join(' ')}`),
  ]
}

const columns: Column<RateRow>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'concurrency', cell: ({ concurrency }) => String(concurrency).padStart(11) },
  { title: 'calls/s', cell: ({ rate }) => rate.toFixed(0).padStart(7) },
  { title: 'p50 ms', cell: ({ p50_ms }) => p50_ms.toFixed(2).padStart(6) },
  { title: 'p99 ms', cell: ({ p99_ms }) => p99_ms.toFixed(2).padStart(6) },
  { title: 'ratio', cell: ({ ratio }) => ratio?.toFixed(2) ?? '' },
  { title: 'target', cell: ({ target, ok }) => (target === undefined ? '' : `${target} ${ok ? 'met' : 'MISSED'}`) },
]
