import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'pg'
import { databaseName, databaseUrl } from '../../src/storage/embedded/cluster.ts'
import { findPostmaster } from '../../src/storage/embedded/postmaster.ts'
import { type DataFolder, dataFolder } from './data-folder.ts'
import { DeedClient } from './deed-client.ts'
import { clusterOf, type DeedEnvironment, freePort } from './deed-process.ts'
import { FakeAnthropic, type FakeAnthropicOptions } from './fake-anthropic.ts'
import { misplaced } from './operations.ts'

const secret = 'a key that only the fault tests have'

/** What servers stand on in the fault tests: a model that answers `answer N`, each time another; an admin key; a folder. */
export type Ground = {
  fake: FakeAnthropic
  dataDir: string
  /** For a server on a port of its own that stays the same when it is started again. */
  env(more?: Record<string, string>): Promise<DeedEnvironment>
  client(address: string): DeedClient
  [Symbol.asyncDispose](): Promise<void>
}

/** `respond`: instead of answers after 50 ms. `makeFolder`: {@link initialisedFolder} where servers keep their database in it. */
export async function prepareGround(
  respond?: FakeAnthropicOptions['respond'],
  makeFolder: () => Promise<DataFolder> = dataFolder,
): Promise<Ground> {
  const stack = new AsyncDisposableStack()
  const fake = new FakeAnthropic({
    respond: respond ?? (({ n }) => ({ delayMs: 50, json: { text: `answer ${n}` } })),
  })
  stack.use(await fake.start())
  const { path: dataDir } = stack.use(await makeFolder())
  const keyFile = join(dataDir, 'given.key')
  await writeFile(keyFile, secret.replaceAll(' ', '-'))
  return {
    fake,
    dataDir,
    async env(more = {}) {
      return {
        DEED_DATA_DIR: dataDir,
        DEED_PORT: String(await freePort()),
        DEED_ADMIN_KEY_FILE: keyFile,
        ANTHROPIC_API_KEY: 'test',
        ANTHROPIC_BASE_URL: fake.url,
        ...more,
      }
    },
    client: (address) => stack.use(new DeedClient(address, secret.replaceAll(' ', '-'))),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Looks into a server's database beside it. */
export type Inspector = {
  /** Operations that are not in exactly one of ready, timer, lease, result. */
  misplaced(): Promise<string[]>
  count(table: string): Promise<number>
  /** Waits until every operation has its result. */
  settled(timeoutMs: number): Promise<void>
  /** Operations that ended with a response for which the attempt that was stored has not exactly one valid completion. */
  unpaid(): Promise<string[]>
  [Symbol.asyncDispose](): Promise<void>
}

/** `url`: of the database; of the embedded one of a data folder with {@link embeddedUrl}. */
export function inspect(url: string): Inspector {
  const pool = new Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 5000 })
  pool.on('error', () => {})
  const count = async (table: string) => {
    const { rows } = await pool.query<{ n: number }>(`select count(*)::int as n from ${table}`)
    return rows[0]?.n ?? -1
  }
  return {
    misplaced: () => misplaced({ pool }),
    count,
    async settled(timeoutMs) {
      const unfinished = '(select from ready union all select from timer union all select from lease) as unfinished'
      await eventually(async () => (await count(unfinished)) === 0, timeoutMs, 'not all operations got a result')
    },
    async unpaid() {
      const { rows } = await pool.query<{ id: string }>(`
        select r.id from result r left join completion c
          on c.operation_id = r.id and c.day = r.day and c.attempt = r.attempt and c.outcome = 'VALID'
        where r.code = 0 group by r.id having count(c) <> 1`)
      return rows.map((row) => row.id)
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** The URL of the database that a server keeps in its data folder. */
export async function embeddedUrl(dataDir: string): Promise<string> {
  const cluster = await clusterOf(dataDir)
  const postmaster = cluster && (await findPostmaster(cluster))
  if (!cluster || !postmaster) throw new Error(`no PostgreSQL runs in ${dataDir}`)
  return databaseUrl(cluster, postmaster.port, databaseName)
}

/** Asks again and again; an answer that is thrown counts as no. Returns the milliseconds that it took. */
export async function eventually(ask: () => Promise<boolean>, timeoutMs: number, otherwise: string): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    let why: unknown
    const done = await ask().catch((error: unknown) => {
      why = error
      return false
    })
    const tookMs = performance.now() - startedAt
    if (done) return tookMs
    if (tookMs > timeoutMs) throw new Error(`${otherwise} within ${timeoutMs} ms`, { cause: why })
    await sleep(20)
  }
}
