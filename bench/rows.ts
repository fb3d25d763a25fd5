import { type Column, table } from '../src/cli/output.ts'
import { type QueueRow, type QueueStartRow, queueColumns, queueStartColumns } from './queue/rows.ts'

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

/** Calls that all wait for their model, `in_flight` of them at any time. */
export type InFlightRow = {
  name: string
  in_flight: number
  model_ms: number
  calls_per_second: number
  p50_ms: number
  p99_ms: number
  /** Beside the model's time. */
  added_p50_ms: number
  added_p99_ms: number
  /**
   * What the server had resident at the most above what it had when idle, for each call, with the garbage that V8 has not yet
   * collected; where that is more than noise.
   */
  kib_per_call?: number
}

/** How long something took, in several runs. */
export type TimeRow = { name: string; runs: number; median_ms: number; min_ms: number; max_ms: number }

/** Anything else that was found out. */
export type ValueRow = {
  name: string
  value: number | string
  unit?: string
  /** What `value` has to stay below, and whether it does. */
  target?: number
  ok?: boolean
}

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

export type Row = RateRow | InFlightRow | QueueRow | QueueStartRow | TimeRow | AccuracyRow | ValueRow

/** What a person reads: rates, times and accuracies as tables, then the other values. */
export function readable(rows: readonly Row[]): string[] {
  const rates = rows.filter((row) => 'rate' in row)
  const inFlight = rows.filter((row) => 'added_p50_ms' in row)
  const times = rows.filter((row) => 'median_ms' in row)
  const accuracies = rows.filter((row) => 'accuracy' in row)
  const queues = rows.filter((row) => 'per_second' in row)
  const starts = rows.filter((row) => 'start_p50_ms' in row)
  const values = rows.filter((row) => 'value' in row)
  const width = Math.max(0, ...values.map(({ name }) => name.length))
  const quantities = values.map(quantity)
  const targeted = Math.max(
    0,
    ...quantities.filter((_, index) => values[index]?.target !== undefined).map((text) => text.length),
  )
  const sections = [
    rates.length > 0 ? table(rates, rateColumns, undefined) : [],
    inFlight.length > 0 ? table(inFlight, inFlightColumns, undefined) : [],
    times.length > 0 ? table(times, timeColumns, undefined) : [],
    accuracies.length > 0 ? table(accuracies, accuracyColumns, undefined) : [],
    queues.length > 0 ? table(queues, queueColumns, undefined) : [],
    starts.length > 0 ? table(starts, queueStartColumns, undefined) : [],
    values.map((row, index) => {
      const text = quantities[index] ?? ''
      return `${row.name.padEnd(width)}  ${row.target === undefined ? text : `${text.padEnd(targeted)}  ${verdict(row)}`}`
    }),
  ]
  return sections.filter((lines) => lines.length > 0).flatMap((lines, index) => (index > 0 ? ['', ...lines] : lines))
}

function quantity({ value, unit }: ValueRow): string {
  // Of nothing, there is no percentile.
  const text = typeof value === 'string' ? value : Number.isNaN(value) ? '-' : String(Math.round(value * 1_000) / 1_000)
  return unit === undefined ? text : `${text} ${unit}`
}

function verdict({ target, unit, ok }: ValueRow): string {
  return `target < ${target}${unit === undefined ? '' : ` ${unit}`} ${ok ? 'met' : 'MISSED'}`
}

const rateColumns: Column<RateRow>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'concurrency', align: 'right', cell: ({ concurrency }) => String(concurrency) },
  { title: 'calls/s', align: 'right', cell: ({ rate }) => rate.toFixed(0) },
  { title: 'p50 ms', align: 'right', cell: ({ p50_ms }) => p50_ms.toFixed(2) },
  { title: 'p99 ms', align: 'right', cell: ({ p99_ms }) => p99_ms.toFixed(2) },
  { title: 'ratio', cell: ({ ratio }) => ratio?.toFixed(2) ?? '' },
  { title: 'target', cell: ({ target, ok }) => (target === undefined ? '' : `${target} ${ok ? 'met' : 'MISSED'}`) },
]

const inFlightColumns: Column<InFlightRow>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'in flight', align: 'right', cell: ({ in_flight }) => String(in_flight) },
  { title: 'model ms', align: 'right', cell: ({ model_ms }) => String(model_ms) },
  { title: 'calls/s', align: 'right', cell: ({ calls_per_second }) => calls_per_second.toFixed(0) },
  { title: 'p50 ms', align: 'right', cell: ({ p50_ms }) => p50_ms.toFixed(1) },
  { title: 'p99 ms', align: 'right', cell: ({ p99_ms }) => p99_ms.toFixed(1) },
  { title: 'added p50 ms', align: 'right', cell: ({ added_p50_ms }) => added_p50_ms.toFixed(1) },
  { title: 'added p99 ms', align: 'right', cell: ({ added_p99_ms }) => added_p99_ms.toFixed(1) },
  { title: 'KiB per call', align: 'right', cell: ({ kib_per_call }) => kib_per_call?.toFixed(1) ?? '' },
]

const timeColumns: Column<TimeRow>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'runs', align: 'right', cell: ({ runs }) => String(runs) },
  { title: 'median ms', align: 'right', cell: ({ median_ms }) => median_ms.toFixed(0) },
  { title: 'min ms', align: 'right', cell: ({ min_ms }) => min_ms.toFixed(0) },
  { title: 'max ms', align: 'right', cell: ({ max_ms }) => max_ms.toFixed(0) },
]

const accuracyColumns: Column<AccuracyRow>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'learnt from', align: 'right', cell: ({ training }) => String(training) },
  { title: 'right %', align: 'right', cell: ({ accuracy }) => accuracy.toFixed(1) },
  { title: 'answered %', align: 'right', cell: ({ answered }) => answered.toFixed(1) },
  { title: 'balanced %', align: 'right', cell: ({ balanced }) => balanced.toFixed(1) },
  { title: 'above majority', align: 'right', cell: ({ gain }) => gain?.toFixed(1) ?? '' },
  { title: 'target', cell: ({ target, ok }) => (target === undefined ? '' : `${target} ${ok ? 'met' : 'MISSED'}`) },
]
