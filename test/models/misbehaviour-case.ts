import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import type { ModelSettings } from '../../src/config/model-settings.ts'
import type { Usage } from '../../src/models/provider.ts'
import type { Bill, FakeRequest } from '../support/fake-vendor.ts'
import type { ContractClient, TestDeed } from '../support/server.ts'
import { openStream } from '../support/stream.ts'
import type { Row, Shape } from './misbehaviour-rows.ts'

/** What of a request to either vendor says how it is answered. */
export type Request = { body: { model: string; messages: readonly { content: unknown }[] } }

export type Vendor = AsyncDisposable & {
  readonly requests: readonly FakeRequest<{ model: string }>[]
  readonly bills: readonly Bill[]
}

/** A row for a vendor and a shape, with a method and a model of its own. */
export type Case = {
  row: Row
  shape: Shape
  name: string
  vendor: Vendor
  /** What the vendor has told of the usage of a completion that has only begun. */
  begun: Usage
  method: string
  model: string
}

/** The last one is what a unary call is answered with. */
const texts = ['all is well: one', 'all is well: two', 'all is well: grüß 👋', 'all is well: four 👋']
const codes: Readonly<Record<string, status>> = {
  OK: status.OK,
  MODEL_REJECTED_REQUEST: status.FAILED_PRECONDITION,
  MODEL_REFUSED: status.FAILED_PRECONDITION,
  MODELS_EXHAUSTED: status.ABORTED,
  ANSWER_INVALID: status.INTERNAL,
  OPERATION_TIMED_OUT: status.DEADLINE_EXCEEDED,
}
const deadlineMs = 15_000
/** By then, a list has its first item. */
const inMidAnswer = /^(cut|clean end|malformed chunk|error event|token limit|hang in mid-answer)/

/** What a model answers that does its work: of a list, what is not there yet. */
export function answerTo(shape: Shape, { body }: Request): unknown {
  if (shape === 'unary') return { text: texts.at(-1) }
  const there = Number(/The list has (\d+) items already/.exec(String(body.messages.at(-1)?.content))?.[1] ?? 0)
  return { items: texts.slice(there).map((text) => ({ text })) }
}

/** What is set for the models: those that hang, although there is a spare, are not waited for. */
export function settingsOf(cases: readonly Case[]): Map<string, ModelSettings> {
  const hurried = cases.filter(({ row }) => row.misbehaviour.startsWith('hang') && row.when.endsWith('spare'))
  return new Map(hurried.map(({ name, model }) => [`${name}/${model}`, { firstTokenMs: 500, completionMs: 1_000 }]))
}

/** A contract with the methods of all cases. */
export function sourceOf(cases: readonly Case[]): string {
  const methods = cases.map(({ row: { misbehaviour, when }, shape, name, model, method }) => {
    const models = [`${name}/${model}`, ...(when.endsWith('spare') ? [`${name}/${model}-spare`] : [])]
    const short = misbehaviour.startsWith('hang') && !when.endsWith('spare')
    const timeout = short ? '{seconds: 1, nanos: 500000000}' : '{seconds: 10}'
    const options = `models: ${JSON.stringify(models)} attempt_timeout: ${timeout}`
    const returns = shape === 'unary' ? 'Response' : 'stream Response'
    return `rpc ${method}(Request) returns (${returns}) { option (deed.v1.method) = {${options}}; }`
  })
  return `syntax = "proto3"; package test.rows.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
service RowService {
  option (deed.v1.service) = {max_failures: 2 max_repairs: 2};
  ${methods.join('\n  ')}
}
message Request { string text = 1; }
message Response { string text = 1 [(buf.validate.field).string.min_len = 3]; }`
}

export type Played = { ended: Ended; again: Ended; asked: readonly FakeRequest<unknown>[]; askedAgain: number }

/** Makes the call of a case, and once more under its key. */
export async function play(deed: TestDeed, contract: ContractClient, { vendor, model, method }: Case): Promise<Played> {
  const requests = () => vendor.requests.filter(({ body }) => isOf(model, body.model))
  const metadata = { 'idempotency-key': randomUUID() }
  const ended = await call(deed, contract, method, metadata)
  const asked = requests()
  const again = await call(deed, contract, method, metadata)
  return { ended, again, asked, askedAgain: requests().length - asked.length }
}

/** A line of what came of a case, and what of it should have been other. */
export function judge(tried: Case, { ended, again, asked, askedAgain }: Played, ledger: readonly Entry[]) {
  const { row, shape, vendor, begun, model } = tried
  const faults: string[] = []
  const expect = (what: string, came: unknown, expected: unknown) => {
    const [a, b] = [JSON.stringify(came), JSON.stringify(expected)]
    if (a !== b) faults.push(`${row.misbehaviour}, ${row.when}: ${what} is ${a}, not ${b}`)
  }
  const { error } = ended
  const answer = error ? error.reason : 'OK'
  expect('the answer', answer, row.answer)
  expect('the code', error?.code ?? status.OK, codes[row.answer])
  if (error) {
    expect('a hint to retry', error.retry, undefined)
    expect('vendor text or payload in it', /scripted|payload/.test(error.details), false)
    expect('whether it has violations', error.violations.length > 0, row.answer === 'ANSWER_INVALID')
  }
  const whole = shape === 'unary' ? texts.slice(-1) : texts
  // A stream that ends in an error has the first items, as many as there were.
  const good = error ? whole.slice(0, shape === 'unary' ? 0 : ended.texts.length) : whole
  expect('what was answered', ended.texts, good)
  if (shape === 'stream' && inMidAnswer.test(row.misbehaviour))
    expect('that there is any', ended.texts.length > 0, true)
  expect('a replay', [again.texts, again.error?.message, again.replayed], [ended.texts, error?.message, 'true'])
  expect('the requests', [asked.length, askedAgain], [row.ledger.length, 0])
  if (row.misbehaviour === '429 with retry-after' && row.when !== 'always, with a spare')
    expect('whether it waits', (asked[1]?.at ?? 0) - (asked[0]?.at ?? 0) >= 1_000, true)

  const own = ledger.filter((entry) => isOf(`${tried.name}/${model}`, entry.model))
  const told = { nothing: usage(0, 0), begun, all: usage(100, 20) }
  const shareOf = (share = 'all') => (share === 'nothing' || share === 'begun' ? told[share] : told.all)
  const wanted = row.ledger.map((entry) => ({ outcome: entry.split(' ')[0], usage: shareOf(entry.split(' ')[1]) }))
  expect(
    'the ledger',
    own.map((entry, index) => ({ outcome: entry.outcome, usage: without(entry, wanted[index]?.usage) })),
    wanted,
  )
  for (const { requestId, usage: billed } of vendor.bills.filter((bill) => isOf(model, bill.model))) {
    const entry = own.find((each) => each.requestId === requestId)
    expect(`what ${requestId} cost`, without(entry, billed), billed)
  }
  const entries = own.map(({ outcome, usage: u }) => `${outcome} ${u.inputTokens}/${u.outputTokens}`)
  const cells = [row.misbehaviour.padEnd(22), row.when.padEnd(20), answer.padEnd(22), asked.length]
  return { line: `${cells.join('  ')}  ${`${ended.tookMs} ms`.padStart(7)}  ${entries.join(', ')}`, faults }
}

/** The usage of an entry without what was estimated, beyond what was told, of a completion that was broken off. */
function without(entry: Entry | undefined, told: Usage | undefined): Usage | undefined {
  if (!entry?.estimated || !told) return entry?.usage
  const isMore = entry.usage.inputTokens >= told.inputTokens && entry.usage.outputTokens >= told.outputTokens
  return isMore ? told : entry.usage
}

function isOf(model: string, name: string): boolean {
  return name === model || name === `${model}-spare`
}

type Ended = Awaited<ReturnType<typeof call>>

/** On the wire, a unary call is a stream of one message. */
async function call(deed: TestDeed, contract: ContractClient, method: string, metadata: Record<string, string>) {
  const from = performance.now()
  const stream = openStream(deed.client, contract.path(method), { key: contract.key, metadata, deadlineMs })
  stream.send(contract.encode(method, { text: 'a payload' }))
  stream.end()
  const messages = await stream.rest()
  const { error, trailers } = await stream.ended
  return {
    texts: messages.map((bytes) => Object(contract.decode(method, bytes)).text),
    error,
    replayed: trailers['deed-replayed'],
    tookMs: Math.round(performance.now() - from),
  }
}

export type Entry = { model: string; outcome: string; requestId: string; estimated: boolean; usage: Usage }

/** All that the ledger has, in order within each operation. */
export async function readLedger(deed: TestDeed): Promise<Entry[]> {
  const { rows } = await deed.db.pool.query<Omit<Entry, 'usage'> & Usage>(
    `select model, outcome, provider_request_id as "requestId", input_tokens as "inputTokens", output_tokens as "outputTokens",
       cache_read_tokens as "cacheReadTokens", cache_write_tokens as "cacheWriteTokens",
       usage_estimated as estimated
     from completion order by operation_id, attempt, sequence`,
  )
  return rows.map(({ model, outcome, requestId, estimated, ...recorded }) => ({
    model,
    outcome,
    requestId,
    estimated,
    usage: recorded,
  }))
}

export function usage(inputTokens: number, outputTokens: number): Usage {
  return { inputTokens, outputTokens, cacheReadTokens: 0, cacheWriteTokens: 0 }
}
