import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { status } from '@grpc/grpc-js'
import { pino } from 'pino'
import { openLoop } from '../../bench/open-loop.ts'
import { QueryUsageRequest, UsageServiceService } from '../../gen/deed/v1/usage_service.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { createOpenAi } from '../../src/models/providers/openai.ts'
import { CallError } from '../support/call.ts'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { FakeOpenAI } from '../support/fake-openai.ts'
import type { FakeScript } from '../support/fake-vendor.ts'
import { type Misbehaviour, misbehaviours } from '../support/misbehaviour.ts'
import { seeded } from '../support/random.ts'
import { startDeed, type TestDeed } from '../support/server.ts'
import { rollUp } from '../support/usage.ts'
import { report, standalone } from './standalone.ts'

export type ModelsRunOptions = {
  seconds: number
  /** Calls a second. */
  rate: number
  seed: number
}

const source = `
syntax = "proto3"; package test.v1;
import "deed/v1/annotations.proto";
service EchoService {
  rpc Echo(Text) returns (Text) { option (deed.v1.method) = {models: ["anthropic/flaky", "openai/steady"]}; }
}
message Text { string text = 1; }
`

/** What an unavailable model does, one like the other. */
const failures: readonly Misbehaviour[] = [
  '408',
  '409',
  '429',
  '500',
  '529',
  'cut in mid-JSON',
  'cut in mid-event',
  'clean end in mid-JSON',
  'malformed chunk',
  'error event',
]

/** How long a model takes, when it is well. */
const delayMs = 20
/** How much longer it goes on, at the most, until the breaker has closed. */
const moreSeconds = 15

/**
 * Calls a method with two models, of which the first fails on half of its requests, at a steady rate. Returns figures, and what
 * Deed promises and did not keep: every call is answered, the ledger and what is counted of it are the vendors' own count, and
 * the breaker opens and closes. When it has not closed by then, the model recovers, and the run goes on.
 */
export async function modelsRun({ seconds, rate, seed }: ModelsRunOptions) {
  const random = seeded(seed)
  const json = { text: 'all is well' }
  const fail = (): FakeScript => ({ json, ...misbehaviours[random.pick(failures)] })
  let share = 0.5
  await using stack = new AsyncDisposableStack()
  const flaky = stack.use(
    await new FakeAnthropic({ respond: () => (random.chance(share) ? fail() : { json, delayMs }) }).start(),
  )
  const steady = stack.use(await new FakeOpenAI({ respond: () => ({ json, delayMs }) }).start())
  const providers = new Map([
    ['anthropic', createAnthropic({ apiKey: 'key', baseUrl: flaky.url })],
    ['openai', createOpenAi({ apiKey: 'key', baseUrl: steady.url })],
  ])
  const breaker: Record<string, string[]> = {}
  const log = pino({}, { write: (line) => noteBreaker(breaker, JSON.parse(line)) })
  const deed = stack.use(await startDeed(providers, { log }))
  const contract = await deed.publish({ 'test/v1/echo.proto': source })

  const errors = new Map<string, number>()
  const make = () =>
    contract.call('Echo', { text: 'a text' }, { deadlineMs: 60_000 }).then(
      () => status.OK,
      (error: unknown) => {
        const reason = error instanceof CallError ? `${status[error.code]} ${error.reason}` : String(error)
        errors.set(reason, (errors.get(reason) ?? 0) + 1)
        return error instanceof CallError ? error.code : status.UNKNOWN
      },
    )
  const limit = AbortSignal.timeout((seconds + moreSeconds) * 2_000)
  const { latencies } = await openLoop({ rate, calls: seconds * rate }, make, limit)
  const closes = () => breaker['anthropic/flaky']?.includes('closed') === true
  if (!closes()) share = 0
  let more = 0
  for (; more < moreSeconds && !closes(); more++) await openLoop({ rate, calls: rate }, make, limit)

  const faults = [...errors].map(([reason, times]) => `${times} calls ended in ${reason}`)
  if (!closes()) faults.push('the breaker of anthropic/flaky never opened and closed')
  if (breaker['openai/steady']) faults.push('the breaker of openai/steady opened')
  await rollUp(deed.db.pool)
  const models = []
  for (const [model, { requests, bills }] of Object.entries({ 'anthropic/flaky': flaky, 'openai/steady': steady })) {
    const ledger = await ledgerOf(deed, model)
    if (ledger.length !== requests.length)
      faults.push(`${model}: ${ledger.length} completions in the ledger, ${requests.length} requests to the vendor`)
    const counted = await usageOf(deed, model)
    if (JSON.stringify(counted) !== JSON.stringify({ completions: ledger.length, ...sum(ledger) }))
      faults.push(`${model}: UsageService has ${JSON.stringify(counted)}`)
    // Where an answer was broken off, the ledger has more than what the vendor had told by then.
    const estimated = new Map(ledger.flatMap((row) => (row.estimated ? [[row.requestId, row]] : [])))
    const billed = sum(bills.filter(({ requestId }) => !estimated.has(requestId)).map(({ usage }) => usage))
    const recorded = sum(ledger.filter((row) => !row.estimated))
    if (JSON.stringify(recorded) !== JSON.stringify(billed))
      faults.push(`${model}: ${JSON.stringify(recorded)} in the ledger, ${JSON.stringify(billed)} billed`)
    for (const { requestId, usage } of bills) {
      const { inputTokens, outputTokens } = estimated.get(requestId) ?? usage
      if (inputTokens < usage.inputTokens || outputTokens < usage.outputTokens)
        faults.push(`${model}: ${requestId} is estimated at less than what was told`)
    }
    models.push({ model, requests: requests.length, estimated: estimated.size, billed, recorded })
  }
  const answerMs = { p50: at(latencies, 0.5), p99: at(latencies, 0.99), max: at(latencies, 1) }
  return { seconds: seconds + more, rate, seed, calls: (seconds + more) * rate, answerMs, breaker, models, faults }
}

/** What the log says of breakers: the states of each, in order. */
function noteBreaker(breaker: Record<string, string[]>, line: { model?: string; breaker?: string }): void {
  if (line.model === undefined || line.breaker === undefined) return
  const states = breaker[line.model] ?? []
  states.push(line.breaker)
  breaker[line.model] = states
}

type Totals = { inputTokens: number; outputTokens: number }

type Row = Totals & { requestId: string; estimated: boolean }

async function ledgerOf(deed: TestDeed, model: string): Promise<Row[]> {
  const { rows } = await deed.db.pool.query<Row>(
    `select provider_request_id as "requestId", input_tokens as "inputTokens", output_tokens as "outputTokens",
       usage_estimated as estimated from completion where model = $1`,
    [model],
  )
  return rows
}

/** What UsageService says of a model. */
async function usageOf(deed: TestDeed, model: string): Promise<Totals & { completions: number }> {
  const { response } = await deed.call(UsageServiceService.queryUsage, QueryUsageRequest.fromPartial({ model }))
  const { completions = 0n, inputTokens = 0n, outputTokens = 0n } = response.usage[0] ?? {}
  return {
    completions: Number(completions),
    inputTokens: Number(inputTokens),
    outputTokens: Number(outputTokens),
  }
}

function sum(usages: readonly Totals[]): Totals {
  const add = (of: (usage: Totals) => number) => usages.reduce((total, usage) => total + of(usage), 0)
  return { inputTokens: add((usage) => usage.inputTokens), outputTokens: add((usage) => usage.outputTokens) }
}

function at(latencies: Float64Array, share: number): number {
  const sorted = latencies.toSorted()
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
}

// By hand, as long as one likes: node test/faults/models-run.ts --seconds 60 --rate 100 --seed 7
if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      rate: { type: 'string', default: '100' },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
    },
  })
  const [seconds, rate, seed] = [Number(values.seconds), Number(values.rate), Number(values.seed)]
  report(await standalone(() => modelsRun({ seconds, rate, seed })))
}
