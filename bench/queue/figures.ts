import { median, percentile } from '../statistics.ts'
import type { QueueRow, QueueStartRow } from './rows.ts'
import type { Throughput } from './throughput.ts'

/** What was measured of one queue beside one thing, in all rounds. */
export type Measured = { name: string; beside: string; stores: boolean; peer: boolean }
export type Throughputs = Measured & { runs: Throughput[] }
export type Starts = Measured & { times: number[] }

/** Where Deed was measured with fewer waiting, and with more. */
export type Waiting = { few: string; many: string }

/** Deed against the fastest peer that stores results. The goal is 1.5. */
const rateTarget = 1
/** Deed's p50 against that of the quickest peer. */
const startTarget = 1
/** Deed's p50 with many waiting, against its own with few. */
const waitingTarget = 1.2

export const empty = 'nothing'

/** Medians of the rounds. `deed` is the name that is compared with the peers; others of Deed's own are shown beside them. */
export function rateRows(all: readonly Throughputs[], deed: string, { few, many }: Waiting): QueueRow[] {
  const rows = all.map(({ name, beside, runs }): QueueRow => {
    const of = (pick: (run: Throughput) => number) => median(runs.map(pick))
    const [per_second, accept_p50_ms, accept_p99_ms] = [of((r) => r.rate), of((r) => r.p50Ms), of((r) => r.p99Ms)]
    return { name, beside, per_second, accept_p50_ms, accept_p99_ms }
  })
  return rows.map((row, index) => {
    if (all[index]?.peer) return row
    const rivals = rows.filter((other, n) => other.beside === row.beside && all[n]?.peer && all[n]?.stores)
    const best = rivals.toSorted((a, b) => b.per_second - a.per_second)[0]
    // Against the peers, and then against itself.
    const fewer = row.beside === many ? rows.find(({ name, beside }) => name === row.name && beside === few) : undefined
    const than = fewer ?? best
    if (!than) return row
    const ratio = row.per_second / than.per_second
    const compared = { ...row, ratio, than: fewer ? few : than.name }
    if (row.name !== deed) return compared
    return row.beside === empty ? { ...compared, target: rateTarget, ok: ratio >= rateTarget } : compared
  })
}

/** Percentiles over all rounds. */
export function startRows(all: readonly Starts[], deed: string, { few, many }: Waiting): QueueStartRow[] {
  const rows = all.map(({ name, beside, times }): QueueStartRow => {
    const sorted = times.toSorted((a, b) => a - b)
    const [start_p50_ms, start_p99_ms] = [percentile(sorted, 0.5), percentile(sorted, 0.99)]
    return { name, beside, samples: times.length, start_p50_ms, start_p99_ms }
  })
  return rows.map((row, index) => {
    if (all[index]?.peer) return row
    const rivals = rows.filter((other, n) => other.beside === row.beside && all[n]?.peer)
    const best = rivals.toSorted((a, b) => a.start_p50_ms - b.start_p50_ms)[0]
    const fewer = row.beside === many ? rows.find(({ name, beside }) => name === row.name && beside === few) : undefined
    const than = fewer ?? best
    if (!than) return row
    const ratio = row.start_p50_ms / than.start_p50_ms
    const compared = { ...row, ratio, than: fewer ? few : than.name }
    if (row.name !== deed) return compared
    if (fewer) return { ...compared, target: waitingTarget, ok: ratio <= waitingTarget }
    return row.beside === empty ? { ...compared, target: startTarget, ok: ratio <= startTarget } : compared
  })
}
