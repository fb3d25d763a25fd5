import { access, constants, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { misuse } from '../src/cli/failure.ts'
import { startChild } from './child.ts'
import { figuresOf, row, rowsOf, targets } from './load-figures.ts'
import { plotLoad } from './load-plot.ts'
import { runClient, type Second } from './load-run.ts'
import { readOptions } from './options.ts'
import { publishTicket } from './publish.ts'
import type { Row, ValueRow } from './rows.ts'
import { hotStatements, type StatementTimes } from './statement-times.ts'
import { buildTicket } from './ticket.ts'

/** V8 compiles what is hot only after some hundreds of calls. */
const warmUpSeconds = 3
/** Beside the model's time. A call that takes longer has failed: what is under way stays bounded. */
const timeoutMs = 5_000

/** Deed under calls that come at a steady rate, with everything on, beside the targets of the specification. */
export async function benchLoad(
  args: readonly string[],
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<Row[]> {
  const options = readOptions(
    args,
    {
      rate: { default: 200, min: 1, max: 5_000 },
      seconds: { default: 30, min: 1, max: 600 },
      'model-ms': { default: 100, min: 0, max: 10_000 },
    },
    ['plot'],
  )
  const { rate, seconds, 'model-ms': modelMs } = options
  const plot = resolve(options.plot ?? join(tmpdir(), 'deed-load.png'))
  await requireWritable(plot)

  const ticket = await buildTicket(signal)
  progress('starting Deed, on a PostgreSQL of its own')
  await using deed = await startChild('deed-server.ts', ['--model-ms', String(modelMs), '--spans'], signal)
  await publishTicket(deed.ready, ticket, signal)
  const { address = '', key = '' } = deed.ready
  // Calls are under way when the measured seconds begin, as when they end.
  const warmUpCalls = Math.ceil(rate * (Math.min(seconds, warmUpSeconds) + modelMs / 1_000))
  const calls = warmUpCalls + rate * seconds
  const job = { address, key, rate, calls, warmUpCalls, timeoutMs: modelMs + timeoutMs }
  let measured: number | undefined
  let before: Promise<unknown> | undefined
  const outcomes = await runClient(job, signal, (message) => {
    if (message.kind === 'warm') {
      measured = performance.now()
      // What it has seen until now is left out.
      before = deed.report().catch(() => undefined)
    } else if (message.kind === 'failed') progress(`first ${message.code}: ${message.details}`)
    else progress(told(measured === undefined ? undefined : performance.now() - measured, seconds, message))
  })
  await before
  const { statements = {} } = await deed.report()

  const run = { ...outcomes, rate, seconds, modelMs, warmUpCalls }
  const figures = figuresOf(run)
  await writeFile(plot, await plotLoad(figures, run))
  return [...rowsOf(figures, run), ...statementRows(statements), { name: 'plot', value: plot }]
}

/** Before minutes of calls, not after them. */
async function requireWritable(file: string): Promise<void> {
  const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory()
  const folder = dirname(file)
  if (await isFolder(file)) throw misuse(`${file} is a folder: --plot needs a file`)
  if (!(await isFolder(folder))) throw misuse(`${file} cannot be written: there is no folder ${folder}`)
  const there = await stat(file).catch(() => undefined)
  await access(there ? file : folder, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw misuse(`${file} cannot be written (${error.code})`)
  })
}

function told(elapsedMs: number | undefined, seconds: number, { answered, failed, open, p95Ms }: Second): string {
  const second = elapsedMs === undefined ? undefined : Math.floor(elapsedMs / 1_000)
  const when = second === undefined ? 'warming up' : second > seconds ? 'the last ones' : `${second} of ${seconds} s`
  const latency = Number.isNaN(p95Ms) ? '' : `, p95 ${p95Ms.toFixed(0)} ms`
  return `${when}: ${answered} answered, ${failed} failed, ${open} under way${latency}`
}

function statementRows(times: StatementTimes): ValueRow[] {
  return hotStatements.map((name) =>
    row(`${name} statement, p95`, times[name]?.p95_ms ?? Number.NaN, 'ms', targets.databaseMs),
  )
}
