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

/** How often something was right, in percent; `gain` in percentage points above what is compared with. */
export type AccuracyRow = {
  name: string
  /** How many examples it learnt from. */
  training: number
  accuracy: number
  answered: number
  /** The mean over the classes, as if each had as many examples. */
  balanced: number
  gain?: number
  /** The least that `gain` has to be, and whether it is. */
  target?: number
  ok?: boolean
}

export type Row = RateRow | ValueRow | AccuracyRow

/** What a person reads: rates and accuracies as tables, then the other values. */
export function readable(rows: readonly Row[]): string[] {
  const values = rows.filter((row) => 'value' in row)
  const width = Math.max(0, ...values.map(({ name }) => name.length))
  const rates = rows.filter((row) => 'rate' in row)
  const accuracies = rows.filter((row) => 'accuracy' in row)
  return [
    ...(rates.length > 0 ? table(rates, columns, undefined) : []),
    ...(accuracies.length > 0 ? table(accuracies, accuracyColumns, undefined) : []),
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

const accuracyColumns: Column<AccuracyRow>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'learnt from', cell: ({ training }) => String(training).padStart(11) },
  { title: 'right %', cell: ({ accuracy }) => accuracy.toFixed(1).padStart(7) },
  { title: 'answered %', cell: ({ answered }) => answered.toFixed(1).padStart(10) },
  { title: 'balanced %', cell: ({ balanced }) => balanced.toFixed(1).padStart(10) },
  { title: 'above majority', cell: ({ gain }) => gain?.toFixed(1).padStart(14) ?? '' },
  { title: 'target', cell: ({ target, ok }) => (target === undefined ? '' : `${target} ${ok ? 'met' : 'MISSED'}`) },
]
