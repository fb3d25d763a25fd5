import { setTimeout as delay } from 'node:timers/promises'
import { type Child, startChild } from './child.ts'
import { openDatabase, requireAnswered, targetOf } from './durable.ts'
import type { Loaded } from './loaded.ts'
import type { Loader } from './loader.ts'
import { publishTicket } from './publish.ts'
import type { InFlightRow } from './rows.ts'
import type { Ticket } from './ticket.ts'

export type CallGround = {
  ticket: Ticket
  loader: Loader
  /** A file with the framed request. */
  bodyFile: string
  signal: AbortSignal
  progress: (line: string) => void
}

/** Few enough that neither server is at its limit, so that a call waits for no other. */
const few = { connections: 4, streams: 64 }
/** As grpc-js's own clients do with one connection. */
const maxStreams = 100
const seconds = { few: 8, many: 16, warmUp: 4 }
const pollMs = 100
const kibibyte = 1024

/**
 * Calls of which each waits for its model, so many at once as `inFlight` says, beside a bare grpc-js server that waits as long. Each
 * caller makes its next call when the last is answered: all are in flight all the time, and the servers work at their limit. That a
 * call then takes longer than the model is the others' doing; how long Deed takes where it is not at its limit say the rows with few.
 */
export async function callsInFlight(
  ground: CallGround,
  { inFlight, modelMs }: { inFlight: number; modelMs: number },
): Promise<InFlightRow[]> {
  const { ticket, signal } = ground
  const connections = Math.ceil(inFlight / maxStreams)
  const many = { connections, streams: Math.round(inFlight / connections) }
  const rows: InFlightRow[] = []
  const measure = async (name: string, child: Child, shape: typeof few, time: number) => {
    const concurrency = shape.connections * shape.streams
    ground.progress(`${name}: ${concurrency} calls in flight, a model of ${modelMs} ms`)
    const { loaded, idle, peak } = await load(ground, child, shape, time)
    const memory = shape === many ? { kib_per_call: (peak - idle) / kibibyte / concurrency } : {}
    rows.push({ name, in_flight: concurrency, model_ms: modelMs, ...figures(loaded, modelMs), ...memory })
    return { loaded, concurrency }
  }
  {
    const args = [ticket.path, ticket.response.toString('base64'), String(modelMs)]
    await using echo = await startChild('echo-server.ts', args, signal)
    await measure('echo', echo, few, seconds.few)
    await measure('echo', echo, many, seconds.many)
  }
  await using deed = await startChild('deed-server.ts', ['--model-ms', String(modelMs)], signal)
  await publishTicket(deed.ready, ticket, signal)
  await using database = await openDatabase(deed)
  for (const [shape, time] of [
    [few, seconds.few],
    [many, seconds.many],
  ] as const) {
    const stored = await database.results()
    const { loaded, concurrency } = await measure('deed', deed, shape, time)
    requireAnswered(loaded, (await database.results()) - stored, concurrency)
  }
  return rows
}

async function load({ ticket, loader, bodyFile, signal }: CallGround, child: Child, shape: typeof few, time: number) {
  const idle = await child.rss()
  const over = new AbortController()
  const peak = peakOf(child, idle, over.signal)
  try {
    const at = { ...targetOf(child, ticket), ...shape, bodyFile, signal }
    const loaded = await loader.run({ ...at, seconds: time, warmUpSeconds: seconds.warmUp })
    return { loaded, idle, peak: await finished(peak, over) }
  } finally {
    await finished(peak, over)
  }
}

async function finished(peak: Promise<number>, over: AbortController): Promise<number> {
  over.abort()
  return peak
}

/** The most memory that a child had resident. */
async function peakOf(child: Child, from: number, over: AbortSignal): Promise<number> {
  let peak = from
  while (!over.aborted) {
    peak = Math.max(peak, await child.rss())
    await delay(pollMs, undefined, { signal: over }).catch(() => undefined)
  }
  return peak
}

function figures({ rate, p50Ms, p99Ms }: Loaded, modelMs: number) {
  return {
    calls_per_second: rate,
    p50_ms: p50Ms,
    p99_ms: p99Ms,
    added_p50_ms: p50Ms - modelMs,
    added_p99_ms: p99Ms - modelMs,
  }
}
