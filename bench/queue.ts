import { type Child, startChild } from './child.ts'
import { readOptions } from './options.ts'
import type { Command } from './queue/child.ts'
import { type Databases, openDatabases } from './queue/databases.ts'
import { empty, type Measured, rateRows, type Starts, startRows, type Throughputs } from './queue/figures.ts'
import { holdSnapshot } from './queue/snapshot.ts'
import type { Throughput, ThroughputJob } from './queue/throughput.ts'
import type { Row } from './rows.ts'

type System = { kind: string; name: string; stores: boolean }

const deed: System = { kind: 'deed', name: 'deed', stores: true }
/** All that are measured on an empty queue; `beside` is also measured beside what waits and a held transaction. */
const systems: readonly (System & { beside: boolean })[] = [
  { ...deed, beside: true },
  { kind: 'deed-queued', name: 'deed, all through the queue', stores: true, beside: true },
  { kind: 'graphile', name: 'graphile-worker', stores: true, beside: false },
  { kind: 'graphile-local', name: 'graphile-worker, local queue', stores: true, beside: true },
  { kind: 'graphile-local-lean', name: 'graphile-worker, local queue, no results', stores: false, beside: false },
  { kind: 'boss', name: 'pg-boss', stores: true, beside: true },
  { kind: 'boss-polling', name: 'pg-boss, polling', stores: true, beside: false },
  { kind: 'boss-lean', name: 'pg-boss, no results', stores: false, beside: false },
]

const oneByOne = { producers: 64, batch: 1 }
const inBatches = { producers: 4, batch: 64 }
const batches = 'nothing; added 64 at a time'
const held = 'an open transaction'
const fewWaiting = 1_000
const firstSeconds = 2
const warmUpSeconds = 1
/** Beyond the time that is measured: to start, drain, count and stop. */
const graceMs = 180_000
const loadMs = 600_000

/**
 * Deed's queue beside those of others, each in a process of its own that adds and works, on one PostgreSQL. They take turns, so
 * that what else the machine does weighs on all. Throws when something was worked on and its result is not stored.
 */
export async function benchQueue(
  args: readonly string[],
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<Row[]> {
  const options = readOptions(args, {
    rounds: { default: 3, min: 1, max: 50 },
    seconds: { default: 5, min: 1, max: 600 },
    samples: { default: 200, min: 1, max: 10_000 },
    waiting: { default: 1_000_000, min: 1_000, max: 10_000_000 },
    'held-seconds': { default: 60, min: 1, max: 600 },
  })
  const { rounds, seconds, samples, waiting } = options
  const heldSeconds = Math.max(options['held-seconds'], seconds + warmUpSeconds)
  const kinds = systems.map(({ kind }) => kind)
  await using databases = await openDatabases(kinds, signal, (line) => progress(`PostgreSQL: ${line}`))
  await using children = new AsyncDisposableStack()
  const runs: Run[] = []
  for (const system of systems) {
    const child = children.use(await startChild('queue/child.ts', [system.kind, databases.urlOf(system.kind)], signal))
    runs.push(new Run(system, child, databases, signal, progress))
  }
  const rates = new Map<string, Throughputs>()
  const starts = new Map<string, Starts>()
  const perRound = Math.ceil(samples / rounds)
  const rate = (run: Run, beside: string, job: Partial<ThroughputJob> = {}) =>
    run.rate(rates, beside, { ...oneByOne, warmUpSeconds, seconds, leave: false, ...job })

  for (const run of runs) await run.warmUp(firstSeconds)
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`)
    for (const run of runs) {
      await run.clear()
      await rate(run, empty)
      await run.start(starts, empty, perRound)
    }
    for (const run of runs) {
      await run.clear()
      await rate(run, batches, inBatches)
    }
  }
  const others = runs.filter((_, index) => systems[index]?.beside)
  const many = besideOf(waiting)
  const few = besideOf(fewWaiting)
  for (let round = 1; round <= rounds; round++) {
    for (const run of others) {
      await run.clear()
      await run.load(fewWaiting, 'open')
      await rate(run, few, { leave: true })
      await run.clear()
      await run.load(fewWaiting, 'held')
      await run.start(starts, few, perRound)
    }
  }
  for (const run of others) {
    await run.clear()
    await run.load(waiting, 'open')
  }
  for (let round = 1; round <= rounds; round++) {
    for (const run of others) await rate(run, many, { leave: true })
  }
  for (const run of others) {
    await run.clear()
    await run.load(waiting, 'held')
  }
  for (let round = 1; round <= rounds; round++) {
    for (const run of others) await run.start(starts, many, perRound)
  }
  for (const run of others) {
    await run.clear()
    await using _ = await holdSnapshot(databases.urlOf(run.system.kind))
    await rate(run, held, { warmUpSeconds: heldSeconds - seconds })
    await run.start(starts, held, samples)
  }
  const compared = { few, many }
  return [
    ...rateRows([...rates.values()], deed.name, compared),
    ...startRows([...starts.values()], deed.name, compared),
    ...databases.settings,
  ]
}

function besideOf(waiting: number): string {
  return `${waiting.toLocaleString('en')} waiting`
}

/** One queue, in its process. */
class Run {
  readonly system: System
  readonly #child: Child
  readonly #databases: Databases
  readonly #signal: AbortSignal
  readonly #progress: (line: string) => void

  constructor(
    system: System,
    child: Child,
    databases: Databases,
    signal: AbortSignal,
    progress: (line: string) => void,
  ) {
    this.system = system
    this.#child = child
    this.#databases = databases
    this.#signal = signal
    this.#progress = progress
  }

  async warmUp(seconds: number): Promise<void> {
    this.#progress(`warming up ${this.system.name}`)
    await this.#ask(
      { do: 'throughput', job: { ...oneByOne, warmUpSeconds: 0, seconds, leave: false } },
      seconds * 1_000,
    )
  }

  clear(): Promise<object> {
    return this.#ask({ do: 'clear' }, 0)
  }

  async load(count: number, kind: 'open' | 'held'): Promise<void> {
    if (count > fewWaiting) this.#progress(`${this.system.name}: loading ${count}`)
    await this.#ask({ do: 'load', count, kind }, loadMs)
  }

  async rate(into: Map<string, Throughputs>, beside: string, job: ThroughputJob): Promise<void> {
    await this.#databases.checkpoint()
    const ms = (job.warmUpSeconds + job.seconds) * 1_000
    const { throughput } = await this.#ask<{ throughput: Throughput }>({ do: 'throughput', job }, ms)
    const all = into.getOrInsertComputed(this.#key(beside), () => ({ ...this.#measured(beside), runs: [] }))
    all.runs.push(throughput)
    const { rate, cpuMicros } = throughput
    this.#progress(`${this.system.name}, ${beside}: ${rate.toFixed(0)}/s, ${cpuMicros.toFixed(0)} µs of Node each`)
  }

  async start(into: Map<string, Starts>, beside: string, samples: number): Promise<void> {
    const { times } = await this.#ask<{ times: number[] }>({ do: 'start', samples }, samples * 1_000)
    const all = into.getOrInsertComputed(this.#key(beside), () => ({ ...this.#measured(beside), times: [] }))
    all.times.push(...times)
    const middle = times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN
    this.#progress(`${this.system.name}, ${beside}: starts after ${middle.toFixed(2)} ms`)
  }

  #key(beside: string): string {
    return `${beside}\n${this.system.name}`
  }

  #measured(beside: string): Measured {
    const { name, stores, kind } = this.system
    return { name, beside, stores, peer: !kind.startsWith(deed.kind) }
  }

  #ask<T>(command: Command, ms: number): Promise<T> {
    const limit = AbortSignal.timeout(ms + graceMs)
    return this.#child.ask<T>(command, AbortSignal.any([this.#signal, limit]))
  }
}
