import { countLines, linesOf } from './batch-lines.ts'
import { keyOf, type Prepared, prepare } from './batch-request.ts'
import { type Known, type Result, Results } from './batch-results.ts'
import { BatchSender } from './batch-work.ts'
import type { CommandContext } from './command.ts'
import { connect } from './connect.ts'
import { fetchMethod, type PublishedMethod } from './contract-method.ts'
import { Failure, misuse } from './failure.ts'
import { jsonLine } from './json-line.ts'
import { methodName } from './names.ts'
import type { Output } from './output.ts'
import { number, progressBar } from './progress-bar.ts'

export type BatchArguments = {
  /** `acme.support.v1.TicketService/TriageTicket` */
  method: string
  file: string
  output: string | undefined
  keyPrefix: string
  concurrency: number
  retryFailed: boolean
}

/** What BatchSubmitOperations takes, with room for what is around the requests. */
const chunkLimits = { requests: 1_000, bytes: 3_000_000 }
/** For how long a server may be away in the middle. */
const patienceMs = 300_000

/**
 * `deed batch`: has each line of a file answered, and writes a line about each to another file. What it has done is in that
 * file and on the server, under keys that the lines make: so it can be ended at any time and started again.
 */
export async function batch(context: CommandContext, args: BatchArguments): Promise<void> {
  const { target, output, signal } = context
  const { service, method } = methodName(args.method)
  const path = args.output ?? `${args.file.replace(/\.(jsonl|ndjson|json)$/i, '')}.results.jsonl`
  if (path === args.file) throw misuse('the results would replace the requests', 'name another file with --output')
  const total = await countLines(args.file)
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  using connection = connect(target, stopped)
  const published = await fetchMethod(connection, args.method)
  const { methodKind } = published.desc
  if (methodKind === 'server_streaming' || methodKind === 'client_streaming') {
    const what = methodKind === 'server_streaming' ? 'returns a stream' : 'takes a stream of requests as one'
    throw misuse(`${args.method} ${what}: a line of a batch is one request with one response`, 'use "npx deed call"')
  }
  await using results = await Results.open(path)

  const bar = progressBar(total)
  using progress = output.progress('')
  progress.say(() => bar.line())
  let count = 0
  const settle = async (result: Result) => {
    await results.add(result)
    count++
    bar.done(1)
    if (result.error !== undefined) bar.failed()
  }
  let away = false
  const trouble = ({ message }: Failure) => {
    if (!away) remarkOn(output, `${message}; going on when it is back`)
    away = true
  }
  const persistence = { signal: stopped, patienceMs, trouble }
  const { concurrency } = args
  const sender = new BatchSender({ connection, concurrency, persistence, stop: () => stop.abort(), settle })
  const lines = new Set<number>()
  try {
    await sendLines(
      { args, name: `${service}/${method}`, published, results, sender, settle, signal: stopped },
      (line) => {
        lines.add(line.number)
        if (!line.isDone) return
        count++
        bar.done(1)
      },
    )
    await sender.end()
  } catch (error) {
    stop.abort()
    const [done, all] = [number(count), number(total)]
    if (signal.aborted) {
      remarkOn(output, `stopped: ${done} of ${all} lines are done; what was sent goes on, and so does the same command`)
    }
    throw sender.failure ?? error
  }
  await results.keepOnly((line) => lines.has(line))
  progress[Symbol.dispose]()
  const failed = [...lines].filter((line) => results.of(line)?.failed).length
  const summary = { lines: lines.size, succeeded: lines.size - failed, failed, results: path }
  if (output.json) output.print(jsonLine(summary))
  else output.print(`${number(summary.succeeded)} of ${number(lines.size)} lines answered; the results are in ${path}`)
  if (failed === 0) return
  throw new Failure(`${number(failed)} of ${number(lines.size)} lines failed`, {
    hint: `their "error" in ${path} says why; correct them in ${args.file} and run the same command again, or have them done again as they are with --retry-failed`,
    json: summary,
  })
}

type Sending = {
  args: BatchArguments
  name: string
  published: PublishedMethod
  results: Results
  sender: BatchSender
  settle(result: Result): Promise<void>
  signal: AbortSignal
}

/** Sends the lines that have no result yet. */
async function sendLines(
  { args, name, published, results, sender, settle, signal }: Sending,
  seen: (line: { number: number; isDone: boolean }) => void,
): Promise<void> {
  const types = { input: published.desc.input, registry: published.registry }
  // Several batches under way: while one is accepted, others are worked on.
  const most = Math.min(chunkLimits.requests, Math.max(1, Math.floor(args.concurrency / 4)))
  let [chunk, size]: [Prepared[], number] = [[], 0]
  const flush = async () => {
    if (chunk.length > 0) await sender.send(chunk)
    ;[chunk, size] = [[], 0]
  }
  for await (const line of linesOf(args.file)) {
    if (signal.aborted) throw new Failure('interrupted')
    const key = keyToSend(keyOf(line, args.keyPrefix), results.of(line.number), args.retryFailed)
    seen({ number: line.number, isDone: key === undefined })
    if (key === undefined) continue
    const prepared = await prepare(line, key, name, types)
    if (!('request' in prepared)) {
      await settle(prepared)
      continue
    }
    if (chunk.length >= most || size + prepared.size > chunkLimits.bytes) await flush()
    chunk.push(prepared)
    size += prepared.size
  }
  await flush()
}

/**
 * The key for a line, or undefined when its result is there. A retry's key comes from the operation that failed, so that one
 * that was interrupted goes on as well.
 */
function keyToSend(key: string, known: Known | undefined, retryFailed: boolean): string | undefined {
  if (known?.key.split(retryMark)[0] !== key) return key
  if (!known.failed || !retryFailed) return undefined
  return known.operation === undefined ? key : `${key}${retryMark}${known.operation.replace('operations/', '')}`
}

function remarkOn(output: Output, text: string): void {
  output.remark(output.json ? jsonLine({ remark: text }) : text)
}

/** In no key that a line has at first. */
const retryMark = '~'
