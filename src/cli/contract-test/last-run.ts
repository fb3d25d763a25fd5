import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { dollars } from '../format.ts'
import { jsonLine } from '../json-line.ts'
import type { Summary } from './summary.ts'

/** How it was the last time, by method and model. */
export type LastRun = ReadonlyMap<string, Summary>

/** Of a contract. A file that is not there, or is not one of these, says nothing. */
export async function readLastRun(dataDir: string, contract: string): Promise<LastRun> {
  try {
    const { summaries }: { summaries: unknown } = JSON.parse(await readFile(fileOf(dataDir, contract), 'utf8'))
    const read = Array.isArray(summaries) ? summaries.flatMap((each) => summaryOf(each)) : []
    return new Map(read.map((summary) => [keyOf(summary), summary]))
  } catch {
    return new Map()
  }
}

/** Keeps these beside those of other methods and models. */
export async function writeLastRun(dataDir: string, contract: string, run: readonly Summary[]): Promise<void> {
  const all = new Map([...(await readLastRun(dataDir, contract)), ...run.map((each) => [keyOf(each), each] as const)])
  const file = fileOf(dataDir, contract)
  await mkdir(dirname(file), { recursive: true })
  const summaries = [...all.values()].map((each) => ({ ...each, costMicroUsd: each.costMicroUsd ?? null }))
  await writeFile(`${file}.new`, `${jsonLine({ summaries })}\n`)
  await rename(`${file}.new`, file)
}

/** What changed, in a few words: `+1 passed, p50 -120ms, +$0.002`. */
export function changes(now: Summary, last: LastRun): string {
  const before = last.get(keyOf(now))
  if (!before) return 'first run'
  const share = ({ passed, total }: Summary) => passed / total
  const points = Math.round((share(now) - share(before)) * 100)
  const score = now.total === before.total ? signed(now.passed - before.passed, ' passed') : signed(points, ' %')
  const cost =
    now.costMicroUsd === undefined || before.costMicroUsd === undefined ? 0n : now.costMicroUsd - before.costMicroUsd
  const latency = signed(now.p50Ms - before.p50Ms, 'ms')
  const parts = [
    score,
    latency && `p50 ${latency}`,
    cost === 0n ? '' : `${cost < 0n ? '-' : '+'}${dollars(cost < 0n ? -cost : cost)}`,
  ]
  return parts.filter(Boolean).join(', ') || 'as before'
}

/** Whether an example passed the last time, with the same model. */
export function passedBefore(method: string, model: string, example: string, last: LastRun): boolean {
  return last.get(keyOf({ method, model }))?.passing.includes(example) ?? false
}

function signed(difference: number, unit: string): string {
  return difference === 0 ? '' : `${difference > 0 ? '+' : ''}${difference}${unit}`
}

function keyOf({ method, model }: Pick<Summary, 'method' | 'model'>): string {
  return `${method} ${model}`
}

function fileOf(dataDir: string, contract: string): string {
  return join(dataDir, 'tests', `${contract}.json`)
}

function summaryOf(value: unknown): Summary[] {
  if (typeof value !== 'object' || value === null) return []
  const { method, model, passed, total, p50Ms, maxMs, costMicroUsd, passing } = value as Record<string, unknown>
  if (typeof method !== 'string' || typeof model !== 'string' || !Array.isArray(passing)) return []
  const numbers = [passed, total, p50Ms, maxMs].map(Number)
  if (!numbers.every(Number.isSafeInteger)) return []
  const [first = 0, second = 0, third = 0, fourth = 0] = numbers
  const cost = typeof costMicroUsd === 'string' && /^\d+$/.test(costMicroUsd) ? BigInt(costMicroUsd) : undefined
  return [
    {
      method,
      model,
      passed: first,
      total: second,
      p50Ms: third,
      maxMs: fourth,
      costMicroUsd: cost,
      passing: passing.map(String),
    },
  ]
}
