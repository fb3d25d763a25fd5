import { randomUUID } from 'node:crypto'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { type Cluster, databaseUrl, openCluster } from '../../src/storage/embedded/cluster.ts'
import { findPostmaster, stopPostmaster } from '../../src/storage/embedded/postmaster.ts'
import { ensurePostmaster } from '../../src/storage/embedded/start.ts'
import { migrate } from '../../src/storage/migrate.ts'

const startTimeoutMs = 30_000
const stopTimeoutMs = 5000

/** An empty database of its own. */
export type TestDatabase = { url: string; [Symbol.asyncDispose](): Promise<void> }

/** A PostgreSQL for one test to break. */
export type OwnPostgres = {
  /** Of its database `postgres`; the same after each start. */
  url: string
  /** Of the postmaster. Throws when it does not run. */
  pid(): Promise<number>
  /** Fast shutdown; what was committed stays. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Ends the postmaster with SIGKILL, as the system does when memory is short. */
  kill(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

let shared: Promise<OwnPostgres> | undefined

/** A fresh, empty database on the one PostgreSQL of this mocha run, dropped when it is disposed of. */
export function testDatabase(): Promise<TestDatabase> {
  return createDatabase('template1')
}

let template: Promise<string> | undefined

/** As {@link testDatabase}, with Deed's schema: a copy of one that was migrated once. */
export async function migratedDatabase(): Promise<TestDatabase> {
  template ??= migrateTemplate()
  return createDatabase(await template)
}

async function migrateTemplate(): Promise<string> {
  const { name, url } = await createDatabase('template1')
  await migrate(url)
  return name
}

async function createDatabase(from: string): Promise<TestDatabase & { name: string }> {
  shared ??= startPostgres({ fsync: 'off', full_page_writes: 'off', max_connections: '300' })
  const { url } = await shared
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await execute(url, `create database ${name} template ${from} strategy file_copy`)
  return {
    name,
    url: url.replace(/\/postgres$/, `/${name}`),
    async [Symbol.asyncDispose]() {
      await execute(url, `drop database if exists ${name} with (force)`)
    },
  }
}

/** A PostgreSQL with data of its own, as careful with them as in production (fsync). `path`: of an empty folder for them. */
export async function ownPostgres(path?: string): Promise<OwnPostgres> {
  const folder = path === undefined ? undefined : { path, [Symbol.asyncDispose]: async () => {} }
  return startPostgres(folder ? { max_wal_size: '48MB', min_wal_size: '32MB' } : {}, folder)
}

/** Stops the PostgreSQL that `testDatabase` has started, if it has. */
export async function stopSharedPostgres(): Promise<void> {
  const started = await shared?.catch(() => undefined)
  shared = template = undefined
  await started?.[Symbol.asyncDispose]()
}

/** A folder for the data of a test; on disposal it goes, with a cluster that root had to keep elsewhere. */
export async function dataFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'deed-test-'))
  return {
    path,
    async [Symbol.asyncDispose]() {
      const cluster = await realpath(join(path, 'postgres')).catch(() => undefined)
      if (cluster) await rm(cluster, { recursive: true, force: true })
      await rm(path, { recursive: true, force: true })
    },
  }
}

async function startPostgres(
  settings: Readonly<Record<string, string>>,
  given?: Awaited<ReturnType<typeof dataFolder>>,
): Promise<OwnPostgres> {
  const folder = given ?? (await dataFolder())
  const log = () => undefined
  const limits = () => ({ signal: AbortSignal.timeout(startTimeoutMs), log })
  const cluster = await openCluster({ dataDir: folder.path, settings, ...limits() })
  const { port } = await ensurePostmaster(cluster, limits())
  const url = databaseUrl(cluster, port, 'postgres')
  const pid = async () => (await running(cluster)).pid
  return {
    url,
    pid,
    stop: () => stopPostmaster(cluster),
    async start() {
      const again = await ensurePostmaster(cluster, limits())
      if (again.port !== port) throw new Error(`the port ${port} was taken meanwhile`)
    },
    async kill() {
      process.kill(await pid(), 'SIGKILL')
      const limit = AbortSignal.timeout(stopTimeoutMs)
      while (await findPostmaster(cluster)) await sleep(5, undefined, { signal: limit })
    },
    async [Symbol.asyncDispose]() {
      await stopPostmaster(cluster, AbortSignal.timeout(stopTimeoutMs))
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function running(cluster: Cluster): Promise<{ pid: number }> {
  const found = await findPostmaster(cluster)
  if (!found) throw new Error('PostgreSQL does not run')
  return found
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
