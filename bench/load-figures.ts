import { status } from '@grpc/grpc-js'
import type { Outcomes } from './open-loop.ts'
import type { ValueRow } from './rows.ts'
import { percentile } from './statistics.ts'

/** What the specification asks for (milliseconds, and a share in percent). Each figure has to stay below. */
export const targets = { besideModelMs: 200, responseMs: 500, errorPercent: 0.1, databaseMs: 50 }

/** A load that was run: `rate × seconds` calls were measured, after some that warmed up. */
export type LoadRun = Outcomes & { rate: number; seconds: number; modelMs: number; warmUpCalls: number }

/** One second of a run. Percentiles and failures are of the calls that were due in it, `answered` counts what ended in it. */
export type SecondFigures = {
  second: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  answered: number
  errorPercent: number
}

export type LoadFigures = {
  calls: number
  failed: number
  errorPercent: number
  /** Calls a second that were answered while it was measured. */
  rate: number
  /** Of the calls that were answered; NaN when none was. */
  p50Ms: number
  p95Ms: number
  p99Ms: number
  maxMs: number
  /** How often which code, by its name. */
  failures: ReadonlyMap<string, number>
  seconds: readonly SecondFigures[]
}

export function figuresOf(run: LoadRun): LoadFigures {
  const { rate, seconds, warmUpCalls: first, codes } = run
  const end = first + rate * seconds
  const answered = answeredPerSecond(run)
  const failures = new Map<string, number>()
  for (const code of codes.subarray(first, end)) {
    if (code === status.OK) continue
    const name = status[code] ?? 'a wrong answer'
    failures.set(name, (failures.get(name) ?? 0) + 1)
  }
  const all = part(run, first, end)
  return {
    calls: end - first,
    failed: all.failed,
    errorPercent: all.errorPercent,
    rate: answered.reduce((sum, each) => sum + each, 0) / seconds,
    ...all.percentiles,
    maxMs: all.maxMs,
    failures,
    seconds: answered.map((count, second) => {
      const { percentiles, errorPercent } = part(run, first + second * rate, first + (second + 1) * rate)
      return { second, ...percentiles, answered: count, errorPercent }
    }),
  }
}

/** The calls of these numbers. */
function part({ latencies, codes }: LoadRun, from: number, to: number) {
  const answered = latencies
    .slice(from, to)
    .filter((_, index) => codes[from + index] === status.OK)
    .sort()
  const failed = to - from - answered.length
  const [p50Ms, p95Ms, p99Ms] = [percentile(answered, 0.5), percentile(answered, 0.95), percentile(answered, 0.99)]
  return {
    failed,
    errorPercent: (100 * failed) / (to - from),
    percentiles: { p50Ms, p95Ms, p99Ms },
    maxMs: answered.at(-1) ?? Number.NaN,
  }
}

/** Those of the warm-up that end later count, and those that end after the last second do not. */
function answeredPerSecond({ rate, seconds, warmUpCalls, latencies, codes }: LoadRun): number[] {
  const counts = new Array<number>(seconds).fill(0)
  for (const [index, latency] of latencies.entries()) {
    const second = Math.floor((index - warmUpCalls) / rate + latency / 1_000)
    if (codes[index] === status.OK && second in counts) counts[second] = (counts[second] ?? 0) + 1
  }
  return counts
}

/** The figures as they are printed, with the targets that they have to meet. */
export function rowsOf(figures: LoadFigures, { rate, modelMs }: Pick<LoadRun, 'rate' | 'modelMs'>): ValueRow[] {
  return [
    { name: 'calls', value: figures.calls },
    row('rate asked', rate, 'calls/s'),
    row('rate achieved', figures.rate, 'calls/s'),
    row('model', modelMs, 'ms'),
    row('p50', figures.p50Ms, 'ms'),
    row('p95', figures.p95Ms, 'ms'),
    row('p95 beside the model', figures.p95Ms - modelMs, 'ms', targets.besideModelMs),
    row('p99', figures.p99Ms, 'ms', targets.responseMs),
    row('maximum', figures.maxMs, 'ms', targets.responseMs),
    row('errors', figures.errorPercent, '%', targets.errorPercent),
    ...[...figures.failures].map(([name, value]) => ({ name: `failed with ${name}`, value })),
  ]
}

/** A figure, with what it has to stay below. A figure of nothing (NaN) does not. */
export function row(name: string, value: number, unit: string, target?: number): ValueRow {
  const rounded = { name, value: Math.round(value * 1_000) / 1_000, unit }
  return target === undefined ? rounded : { ...rounded, target, ok: value < target }
}
