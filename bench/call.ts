import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CallGround, callsInFlight } from './call-in-flight.ts'
import { type Child, startChild } from './child.ts'
import { openDatabase, requireAnswered, targetOf } from './durable.ts'
import type { Load, Loaded } from './loaded.ts'
import { findLoader, framed } from './loader.ts'
import { readOptions } from './options.ts'
import { publishTicket } from './publish.ts'
import type { Row } from './rows.ts'
import { median } from './statistics.ts'
import { buildTicket } from './ticket.ts'

/** Connections × streams on each. */
const shapes = [
  { connections: 1, streams: 1 },
  { connections: 4, streams: 4 },
  { connections: 4, streams: 16 },
]
const rounds = 5
const seconds = 3
/** V8 compiles what is hot only after some thousands of calls. */
const warmUpSeconds = 3
/** Of the bare echo's rate, at the highest concurrency. The goal is 0.6. */
const target = 0.2

const megabyte = 1024 * 1024

/**
 * What a durable call costs: Deed's unary call, with everything on, beside a bare grpc-js server, the ceiling. First with a model
 * that answers at once, then with one that takes its time and many calls in flight. Throws when a call failed.
 */
export async function benchCall(
  args: readonly string[],
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<Row[]> {
  const options = readOptions(args, {
    'in-flight': { default: 10_000, min: 100, max: 20_000 },
    'model-ms': { default: 200, min: 1, max: 10_000 },
  })
  const ticket = await buildTicket(signal)
  const folder = await mkdtemp(join(tmpdir(), 'deed-bench-load-'))
  try {
    const loader = await findLoader(folder)
    const bodyFile = join(folder, 'request')
    await writeFile(bodyFile, framed(ticket.request))
    const ground = { ticket, loader, bodyFile, signal, progress }
    const rows = await callsAtOnce(ground)
    const inFlight = await callsInFlight(ground, { inFlight: options['in-flight'], modelMs: options['model-ms'] })
    return [...rows, ...inFlight]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** With a model that answers at once. The servers take turns, so that what else the machine does weighs on both. */
async function callsAtOnce({ ticket, loader, bodyFile, signal, progress }: CallGround): Promise<Row[]> {
  await using echo = await startChild('echo-server.ts', [ticket.path, ticket.response.toString('base64')], signal)
  await using deed = await startChild('deed-server.ts', [], signal)
  await publishTicket(deed.ready, ticket, signal)
  await using database = await openDatabase(deed)
  const settings = await database.settings()
  const load = (child: Child, shape: Pick<Load, 'connections' | 'streams'>, time: number) =>
    loader.run({ ...targetOf(child, ticket), ...shape, bodyFile, seconds: time, signal })

  const before = await deed.rss()
  const last = shapes.at(-1)
  if (last) {
    progress(`warming up, with ${loader.name}`)
    for (const child of [echo, deed]) await load(child, last, warmUpSeconds)
  }
  const rows: Row[] = []
  for (const shape of shapes) {
    const concurrency = shape.connections * shape.streams
    const runs = { echo: [] as Loaded[], deed: [] as Loaded[] }
    for (let round = 1; round <= rounds; round++) {
      const bare = await load(echo, shape, seconds)
      const stored = await database.results()
      const durable = await load(deed, shape, seconds)
      requireAnswered(durable, (await database.results()) - stored, concurrency)
      runs.echo.push(bare)
      runs.deed.push(durable)
      const rates = `echo ${bare.rate.toFixed(0)}/s, deed ${durable.rate.toFixed(0)}/s`
      progress(`concurrency ${concurrency}, round ${round} of ${rounds}: ${rates}`)
    }
    const ratio = medianOf(runs.deed, 'rate') / medianOf(runs.echo, 'rate')
    const goal = shape === last ? { target, ok: ratio >= target } : {}
    rows.push({ name: 'echo', concurrency, ...figures(runs.echo) })
    rows.push({ name: 'deed', concurrency, ...figures(runs.deed), ratio, ...goal })
  }
  return [
    ...rows,
    { name: 'deed memory before', value: Math.round(before / megabyte), unit: 'MB' },
    { name: 'deed memory after', value: Math.round((await deed.rss()) / megabyte), unit: 'MB' },
    { name: 'durable calls', value: await database.results() },
    { name: 'request', value: ticket.request.byteLength, unit: 'bytes' },
    { name: 'response', value: ticket.response.byteLength, unit: 'bytes' },
    { name: 'load by', value: loader.name },
    ...settings,
  ]
}

function figures(runs: readonly Loaded[]) {
  return { rate: medianOf(runs, 'rate'), p50_ms: medianOf(runs, 'p50Ms'), p99_ms: medianOf(runs, 'p99Ms') }
}

function medianOf(runs: readonly Loaded[], field: 'rate' | 'p50Ms' | 'p99Ms'): number {
  return median(runs.map((run) => run[field]))
}
