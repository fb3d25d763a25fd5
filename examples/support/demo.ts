import { credentials } from '@grpc/grpc-js'
import type { Operation } from '../../gen/deed/v1/operation.ts'
import { OperationServiceClient } from '../../gen/deed/v1/operation_service.ts'
import { type StatusDetails, statusLine, statusLines } from '../../src/errors/status-details.ts'
import { call, type Reply, type Unary } from './demo/client.ts'
import { type Columns, fitted, operation, order, thread, triage } from './demo/columns.ts'
import { type Input, readInputs } from './demo/inputs.ts'
import { nextSteps } from './demo/next-steps.ts'
import { type Score, scoreOf, sumOf } from './demo/score.ts'
import { type Server, startServer } from './demo/server.ts'
import {
  ExtractOrderRequest,
  ExtractOrderResponse,
  SummarizeThreadRequest,
  SummarizeThreadResponse,
  TicketServiceClient,
  TriageTicketRequest,
  TriageTicketResponse,
} from './gen/acme/support/v1/ticket_service.ts'

// `npm run demo`: a server, the contract of this folder published to it, its inputs answered. Exit codes: 0 done, 1 failed.

const timeoutMs = 180_000
const shownOperations = 6

process.exitCode = await main()

async function main(): Promise<0 | 1> {
  const stop = new AbortController()
  // npm passes on the signal that the terminal sends as well: it may come twice.
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => stop.abort(new Error('interrupted')))
  }
  const late = setTimeout(() => stop.abort(new Error(`not done after ${timeoutMs / 1_000} s`)), timeoutMs)
  try {
    await demo(stop.signal)
    return 0
  } catch (error) {
    const cause: unknown = stop.signal.aborted ? stop.signal.reason : error
    console.error(`demo: ${cause instanceof Error ? cause.message : cause}`)
    return 1
  } finally {
    clearTimeout(late)
  }
}

async function demo(signal: AbortSignal): Promise<void> {
  const inputs = await readInputs()
  progress('starting Deed on a free port and a fresh data folder …')
  await using server = await startServer(signal)
  print(`Deed listens on ${server.address} and answers with ${server.model}.`)
  if (server.model === 'local/keywords') print('That fills messages by simple rules; set ANTHROPIC_API_KEY for Claude.')

  progress('publishing examples/support …')
  const published = await server.run('publish', import.meta.dirname)
  print('', ...published.split('\n').filter((line) => /^published|^ {2}\w+ .*->/.test(line)))

  progress(`sending ${inputs.length} requests …`)
  const { refusals, scores } = await answers(server, inputs, signal)
  for (const [name, status] of refusals) {
    const { code, reason, message } = status
    print('', `${name} is refused with ${code} (${reason}):`)
    print(...[message, ...statusLines(status)].map((line) => `  ${line}`))
  }
  const { right, expected } = sumOf(scores)
  print('', `Score: ${right} of ${expected} expected fields are right (${((100 * right) / expected).toFixed(1)} %).`)
  const stored = await storedOperations(server, signal)
  const newest = stored.slice(0, shownOperations)
  print('', `What is stored, the newest ${newest.length} of ${stored.length}:`, ...fitted(newest, operation))
  print('', ...nextSteps)
  progress('stopping …')
}

/** Sends all inputs and prints a table for each method. Returns what was refused, by the name of the input, and all scores. */
async function answers(
  server: Server,
  inputs: readonly Input[],
  signal: AbortSignal,
): Promise<{ refusals: Map<string, StatusDetails>; scores: Score[] }> {
  using client = closing(new TicketServiceClient(server.address, credentials.createInsecure()))
  const refusals = new Map<string, StatusDetails>()
  const scores: Score[] = []
  /** The inputs of one method, each under a key of its own, all at once. */
  const send = async <Req, Res>(
    name: string,
    method: Unary<Req, Res>,
    read: (json: unknown) => Req,
    readAnswer: (json: unknown) => Res,
    columns: Columns<Res>,
  ) => {
    const mine = inputs.filter((each) => each.method === name)
    const options = (input: Input) => ({ key: server.key, idempotencyKey: input.name })
    const replies = await Promise.all(mine.map((each) => call(method, read(each.request), options(each), signal)))
    const rows = mine.flatMap(({ name: input, expected }, index) => {
      const reply = replies[index]
      if (reply?.kind === 'refusal') {
        refusals.set(input, reply.status)
        scores.push(refusalScore(expected, readAnswer, reply.status))
      }
      if (reply?.kind !== 'answer') return []
      const score = scoreOf(expected, readAnswer, reply.response)
      scores.push(score)
      return [{ input, response: reply.response, score }]
    })
    if (rows.length === 0) throw new Error(`no ${name} was answered: ${reasonOf(replies)}`)
    print('', name, ...fitted(rows, columns))
  }
  const { target } = client
  await send(
    'TriageTicket',
    target.triageTicket.bind(target),
    TriageTicketRequest.fromJSON,
    TriageTicketResponse.fromJSON,
    triage,
  )
  await send(
    'ExtractOrder',
    target.extractOrder.bind(target),
    ExtractOrderRequest.fromJSON,
    ExtractOrderResponse.fromJSON,
    order,
  )
  await send(
    'SummarizeThread',
    target.summarizeThread.bind(target),
    SummarizeThreadRequest.fromJSON,
    SummarizeThreadResponse.fromJSON,
    thread,
  )
  return { refusals, scores }
}

/** A refusal that was expected is one thing right; of another, nothing is. */
function refusalScore<Res>(expected: unknown, read: (json: unknown) => Res, { reason }: StatusDetails): Score {
  const { refused } = expected as { refused?: unknown }
  if (refused === undefined) return scoreOf(expected, read, read({}))
  return { right: refused === reason ? 1 : 0, expected: 1, wrong: refused === reason ? [] : ['refused'] }
}

function reasonOf(replies: readonly Reply<unknown>[]): string {
  const refusal = replies.find((reply) => reply.kind === 'refusal')
  return refusal ? statusLine(refusal.status) : 'there is no input for it'
}

async function storedOperations(server: Server, signal: AbortSignal): Promise<Operation[]> {
  using client = closing(new OperationServiceClient(server.address, credentials.createInsecure()))
  const { target } = client
  const request = { pageSize: 100, pageToken: '', contract: '', method: '', state: 0, filter: '', orderBy: '' } as const
  const reply = await call(target.listOperations.bind(target), request, { key: server.key }, signal)
  if (reply.kind === 'answer') return reply.response.operations
  throw new Error(`operations cannot be listed: ${statusLine(reply.status)}`)
}

function closing<T extends { close(): void }>(target: T): { target: T } & Disposable {
  return { target, [Symbol.dispose]: () => target.close() }
}

function print(...lines: string[]): void {
  for (const line of lines) console.log(line)
}

/** On stderr: what was asked for goes to stdout. */
function progress(line: string): void {
  process.stderr.write(`demo: ${line}\n`)
}
