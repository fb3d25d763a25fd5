import { setTimeout as delay } from 'node:timers/promises'
import { percentile } from '../statistics.ts'
import { Pace } from './pace.ts'
import type { Subject } from './subject.ts'

export type ThroughputJob = {
  /** How many add at once, and how many each adds at a time. */
  producers: number
  batch: number
  warmUpSeconds: number
  seconds: number
  /** More wait than are to be worked on: they are left. */
  leave: boolean
}

/** Per second, accepted, claimed and settled: the lesser of what was committed and what has ended. */
export type Throughput = {
  rate: number
  /** Milliseconds until what was added was committed. */
  p50Ms: number
  p99Ms: number
  /** Of this process, per operation. */
  cpuMicros: number
}

/** Not so few that a batch ends early, not so many that the memory of a queue is what is measured. */
const ahead = 1_024
const drainMs = 60_000
const pollMs = 10

/** Adds and works at once, and counts for `seconds`. Throws when something that was begun has not ended, and been stored. */
export async function measureThroughput(subject: Subject, job: ThroughputJob): Promise<Throughput> {
  const storedBefore = await subject.stored()
  const pace = new Pace(ahead)
  let added = 0
  let latencies: number[] = []
  const produce = async () => {
    while (await pace.take(job.batch)) {
      const from = performance.now()
      await subject.add(job.batch)
      added += job.batch
      latencies.push(performance.now() - from)
    }
  }
  const mark = async () => {
    const state = { at: performance.now(), added, handled: pace.handled, cpu: process.cpuUsage() }
    const stored = await subject.stored()
    return { ...state, ended: stored ?? state.handled }
  }

  await subject.start(pace.work)
  const producing = Promise.all(Array.from({ length: job.producers }, produce))
  await Promise.race([producing, delay(job.warmUpSeconds * 1_000)])
  const from = await mark()
  latencies = []
  await Promise.race([producing, delay(job.seconds * 1_000)])
  const to = await mark()
  const measured = Float64Array.from(latencies).sort()
  pace.end()
  await producing
  if (!job.leave) await until(() => pace.handled >= added, `${added} added, but fewer worked on`)
  await subject.stop()
  const stored = await subject.stored()
  if (stored !== undefined && stored - (storedBefore ?? 0) !== pace.handled) {
    throw new Error(`${pace.handled} were worked on, but ${stored - (storedBefore ?? 0)} results stored`)
  }

  const done = Math.min(to.added - from.added, to.ended - from.ended)
  const { user, system } = process.cpuUsage(from.cpu)
  return {
    rate: done / ((to.at - from.at) / 1_000),
    p50Ms: percentile(measured, 0.5),
    p99Ms: percentile(measured, 0.99),
    cpuMicros: (user + system) / Math.max(1, pace.handled - from.handled),
  }
}

async function until(reached: () => boolean, otherwise: string): Promise<void> {
  const limit = performance.now() + drainMs
  while (!reached()) {
    if (performance.now() > limit) throw new Error(`${otherwise} within ${drainMs / 1_000} s`)
    await delay(pollMs)
  }
}
