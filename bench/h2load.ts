import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Load, Loaded } from './loaded.ts'
import { percentile } from './statistics.ts'

/** Whether Debian's nghttp2-client, or another's, is on the PATH. */
export async function hasH2load(): Promise<boolean> {
  const child = spawn('h2load', ['--version'], { stdio: 'ignore' })
  const ended = await once(child, 'exit').catch(() => [1])
  return ended[0] === 0
}

/** Loads a server over cleartext HTTP/2. h2load sees the HTTP status alone: whether the calls were answered OK is not its to say. */
export async function runH2load(load: Load, folder: string): Promise<Loaded> {
  const log = join(folder, 'h2load.log')
  // h2load appends.
  await rm(log, { force: true })
  const args = [
    ...['-c', String(load.connections), '-m', String(load.streams), '-D', String(load.seconds)],
    ...[`--data=${load.bodyFile}`, `--log-file=${log}`],
    ...Object.entries(load.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    `http://${load.address}${load.path}`,
  ]
  const child = spawn('h2load', args, { stdio: ['ignore', 'pipe', 'pipe'], signal: load.signal })
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  if (code !== 0) throw new Error(`h2load ended with ${code}: ${errors.trim()}`)
  const { rate, failed } = readSummary(output)
  const { warmUpSeconds = 0 } = load
  const { calls, latencies, failed: unanswered } = readLog(await readFile(log, 'utf8'), warmUpSeconds)
  return {
    calls,
    failed: failed + unanswered,
    rate: warmUpSeconds > 0 ? latencies.length / (load.seconds - warmUpSeconds) : rate,
    p50Ms: percentile(latencies, 0.5) / 1_000,
    p99Ms: percentile(latencies, 0.99) / 1_000,
  }
}

/** What h2load prints at the end. Throws when it is not as expected. */
export function readSummary(output: string): { rate: number; failed: number } {
  const rate = /^finished in .*?, ([\d.]+) req\/s/m.exec(output)?.[1]
  const requests = /^requests: .* (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(output)
  if (rate === undefined || !requests) throw new Error(`h2load printed what is not understood:\n${output}`)
  const [, failed, errored, timeout] = requests.map(Number)
  // What is errored is failed too.
  return { rate: Number(rate), failed: Math.max(failed ?? 0, errored ?? 0) + (timeout ?? 0) }
}

/**
 * The log: start in microseconds since 1970, HTTP status, microseconds to the end. Returns how many were answered, and the sorted
 * latencies of those that were once `warmUpSeconds` had passed since the first call.
 */
export function readLog(log: string, warmUpSeconds = 0): { calls: number; latencies: Float64Array; failed: number } {
  const calls: { end: number; micros: number }[] = []
  let first = Number.POSITIVE_INFINITY
  let failed = 0
  for (const line of log.split('\n')) {
    const [start, status, micros] = line.split('\t')
    if (!start) continue
    first = Math.min(first, Number(start))
    if (status === '200') calls.push({ end: Number(start) + Number(micros), micros: Number(micros) })
    else failed++
  }
  const from = first + warmUpSeconds * 1_000_000
  const latencies = Float64Array.from(calls.filter(({ end }) => end >= from).map(({ micros }) => micros))
  return { calls: calls.length, latencies: latencies.sort(), failed }
}
