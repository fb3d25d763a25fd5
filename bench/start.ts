import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { connect } from '../src/cli/connect.ts'
import { startEmbedded } from '../src/storage/embedded.ts'
import { npmStart } from './npm-start.ts'
import { readOptions } from './options.ts'
import { publishAndCall } from './publish.ts'
import type { Row } from './rows.ts'
import { median } from './statistics.ts'
import { buildTicket, type Ticket } from './ticket.ts'

const servingTimeoutMs = 60_000
const pollMs = 5

/** Milliseconds since `npm start` was run. */
type Times = { serving: number; answer: number }

/**
 * How long `npm start` takes until health says SERVING, and until a contract was published and its first call answered: with
 * the embedded database and with a PostgreSQL that runs already, each new and as an earlier start has left it.
 */
export async function benchStart(
  args: readonly string[],
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<Row[]> {
  const { runs } = readOptions(args, { runs: { default: 3, min: 1, max: 50 } })
  const ticket = await buildTicket(signal)
  const folder = await mkdtemp(join(tmpdir(), 'deed-bench-start-'))
  try {
    // As root, PostgreSQL runs as another user, who has to get through to the folders in it.
    await chmod(folder, 0o711)
    const log = (line: string) => progress(`external PostgreSQL: ${line}`)
    await using postgres = await startEmbedded({ dataDir: join(folder, 'external'), signal, log })
    const kinds = new Map<string, Times[]>()
    for (let run = 1; run <= runs; run++) {
      const dataDir = join(folder, `run-${run}`)
      const databaseUrl = await createDatabase(postgres.url, `run_${run}`)
      for (const [database, settings] of [
        ['embedded database', { DEED_DATA_DIR: `${dataDir}-embedded` }],
        ['external database', { DEED_DATA_DIR: `${dataDir}-external`, DATABASE_URL: databaseUrl }],
      ] as const) {
        for (const age of ['new', 'existing']) {
          const times = await timeStart(settings, ticket, signal)
          kinds.getOrInsert(`${database}, ${age}`, []).push(times)
          const text = `SERVING after ${times.serving.toFixed(0)} ms, first answer after ${times.answer.toFixed(0)} ms`
          progress(`run ${run} of ${runs}, ${database}, ${age}: ${text}`)
        }
      }
      await rm(`${dataDir}-embedded`, { recursive: true, force: true })
    }
    return rowsOf(kinds)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function timeStart(
  settings: Readonly<Record<string, string>> & { DEED_DATA_DIR: string },
  ticket: Ticket,
  signal: AbortSignal,
): Promise<Times> {
  const begun = performance.now()
  await using deed = await npmStart({ DEED_PORT: '0', DEED_MODEL: 'local/keywords', ...settings }, signal)
  await untilServing(deed.address, signal)
  const serving = performance.now() - begun
  const key = (await readFile(join(settings.DEED_DATA_DIR, 'admin.key'), 'utf8')).trim()
  await publishAndCall({ address: deed.address, key }, ticket, signal)
  return { serving, answer: performance.now() - begun }
}

/** Asks grpc.health.v1 for the server as a whole. */
async function untilServing(address: string, signal: AbortSignal): Promise<void> {
  using connection = connect({ address, key: undefined, keyFile: '' }, signal)
  const check = {
    path: '/grpc.health.v1.Health/Check',
    requestSerialize: (message: Buffer) => message,
    responseDeserialize: (message: Buffer) => message,
  }
  // Field 1, a varint: SERVING.
  const serving = Buffer.from([8, 1])
  for (const until = performance.now() + servingTimeoutMs; performance.now() < until; ) {
    const { response } = await connection.call(check, Buffer.alloc(0), { withoutKey: true })
    if (response.equals(serving)) return
    await delay(pollMs, undefined, { signal })
  }
  throw new Error(`the server at ${address} is not SERVING after ${servingTimeoutMs / 1_000} s`)
}

async function createDatabase(url: string, name: string): Promise<string> {
  await using client = Object.assign(new Client({ connectionString: url }), {
    [Symbol.asyncDispose]: () => client.end(),
  })
  await client.connect()
  await client.query(`create database ${name}`)
  const created = new URL(url)
  created.pathname = `/${name}`
  return created.href
}

function rowsOf(kinds: ReadonlyMap<string, readonly Times[]>): Row[] {
  return [...kinds].flatMap(([kind, times]) => [
    rowOf(
      `${kind}: SERVING`,
      times.map(({ serving }) => serving),
    ),
    rowOf(
      `${kind}: first answer`,
      times.map(({ answer }) => answer),
    ),
  ])
}

function rowOf(name: string, times: readonly number[]): Row {
  const rounded = (ms: number) => Math.round(ms)
  return {
    name,
    runs: times.length,
    median_ms: rounded(median(times)),
    min_ms: rounded(Math.min(...times)),
    max_ms: rounded(Math.max(...times)),
  }
}
