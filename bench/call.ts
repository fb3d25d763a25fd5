import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { type Child, startChild } from './child.ts'
import { findLoader, framed, type Load, type Loaded } from './loader.ts'
import { readOptions } from './options.ts'
import { publishTicket } from './publish.ts'
import type { Row } from './rows.ts'
import { median } from './statistics.ts'
import { buildTicket, type Ticket } from './ticket.ts'

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
 * What a durable call costs: Deed's unary call, with everything on and a model that answers at once, beside a bare grpc-js
 * server, the ceiling. They take turns, so that what else the machine does weighs on both. Throws when a call failed.
 */
export async function benchCall(
  args: readonly string[],
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<Row[]> {
  readOptions(args, {})
  const ticket = await buildTicket(signal)
  const folder = await mkdtemp(join(tmpdir(), 'deed-bench-load-'))
  try {
    const loader = await findLoader(folder)
    const bodyFile = join(folder, 'request')
    await writeFile(bodyFile, framed(ticket.request))
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
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function targetOf({ ready: { address = '', key } }: Child, { path }: Ticket) {
  const headers = { 'content-type': 'application/grpc', te: 'trailers' }
  // The echo server gets a header of the same length.
  return { address, path, headers: { ...headers, authorization: `Bearer ${key ?? 'none'.padEnd(48, '-')}` } }
}

/** The database that Deed stores in, looked at from outside. */
async function openDatabase({ ready: { databaseUrl } }: Child) {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  const text = async (sql: string) => String((await client.query<{ text: string }>(sql)).rows[0]?.text)
  return {
    /** How many operations ended with a response. */
    results: async () => Number(await text('select count(*) as text from result where code = 0')),
    /** What makes a commit durable. Throws when it is off: the figures would say nothing. */
    async settings(): Promise<Row[]> {
      const rows: Row[] = [
        { name: 'postgresql', value: await text(`select current_setting('server_version') as text`) },
      ]
      for (const name of ['fsync', 'synchronous_commit']) {
        const value = await text(`select current_setting('${name}') as text`)
        if (value !== 'on') throw new Error(`${name} is ${value}: a durable call cannot be measured`)
        rows.push({ name, value })
      }
      return rows
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

/** A gRPC error has HTTP status 200 too. A stored response for every answered call says that none was one. */
function requireAnswered({ calls, failed }: Loaded, stored: number, concurrency: number): void {
  if (failed > 0) throw new Error(`${failed} of ${calls + failed} calls failed`)
  // Those under way at the end may be stored as well.
  if (stored >= calls && stored <= calls + concurrency) return
  throw new Error(`${calls} calls were answered, but ${stored} responses stored: some failed`)
}

function figures(runs: readonly Loaded[]) {
  return { rate: medianOf(runs, 'rate'), p50_ms: medianOf(runs, 'p50Ms'), p99_ms: medianOf(runs, 'p99Ms') }
}

function medianOf(runs: readonly Loaded[], field: 'rate' | 'p50Ms' | 'p99Ms'): number {
  return median(runs.map((run) => run[field]))
}
