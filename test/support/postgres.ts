import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { type Cluster, databaseUrl, openCluster } from '../../src/storage/embedded/cluster.ts'
import { findPostmaster, stopPostmaster } from '../../src/storage/embedded/postmaster.ts'
import { isFree } from '../../src/storage/embedded/settings.ts'
import { ensurePostmaster } from '../../src/storage/embedded/start.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { initialise, initialisedFolder } from './data-folder.ts'
import { sharedDataDir } from './run-folder.ts'

export { dataFolder } from './data-folder.ts'

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
let template: Promise<void> | undefined
const migrated = 'migrated'

/** A fresh, empty database on the one PostgreSQL of this mocha run, dropped when it is disposed of. */
export function testDatabase(): Promise<TestDatabase> {
  return createDatabase('template1')
}

/** As {@link testDatabase}, with Deed's schema: a copy of one that was migrated once. */
export async function migratedDatabase(): Promise<TestDatabase> {
  template ??= migrateTemplate()
  await template
  return createDatabase(migrated)
}

/** Workers may be at it at once: each migrates one of its own, and the first to give it the name wins. */
async function migrateTemplate(): Promise<void> {
  const { url } = await sharedPostgres()
  if ((await execute(url, `select 1 from pg_database where datname = '${migrated}'`)) > 0) return
  await using made = await createDatabase('template1')
  await migrate(made.url)
  await execute(url, `alter database ${made.name} rename to ${migrated}`).catch((error: { code?: string }) => {
    if (error.code !== '42P04') throw error // duplicate_database
  })
}

async function createDatabase(from: string): Promise<TestDatabase & { name: string }> {
  const { url } = await sharedPostgres()
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

/** One for all workers, until the run ends: who comes second finds it running. */
function sharedPostgres(): Promise<OwnPostgres> {
  shared ??= startShared()
  return shared
}

async function startShared(): Promise<OwnPostgres> {
  await mkdir(sharedDataDir(), { recursive: true })
  await initialise(sharedDataDir())
  return startPostgres(sharedDataDir(), { fsync: 'off', full_page_writes: 'off', max_connections: '400' })
}

/** A PostgreSQL with data of its own, as careful with them as in production (fsync). `path`: of an empty folder for them. */
export async function ownPostgres(path?: string): Promise<OwnPostgres> {
  // Of a folder that is given, the space may be short.
  if (path !== undefined) await initialise(path)
  if (path !== undefined) return startPostgres(path, { max_wal_size: '48MB', min_wal_size: '32MB' })
  const folder = await initialisedFolder()
  const postgres = await startPostgres(folder.path, {})
  return {
    ...postgres,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function startPostgres(dataDir: string, settings: Readonly<Record<string, string>>): Promise<OwnPostgres> {
  const log = () => undefined
  const limits = () => ({ signal: AbortSignal.timeout(startTimeoutMs), log })
  const cluster = await openCluster({ dataDir, settings, ...limits() })
  const { port } = await ensurePostmaster(cluster, limits())
  const url = databaseUrl(cluster, port, 'postgres')
  const pid = async () => (await running(cluster)).pid
  return {
    url,
    pid,
    stop: () => stopPostmaster(cluster),
    async start() {
      await released(cluster, port)
      const again = await ensurePostmaster(cluster, limits())
      if (again.port !== port) throw new Error(`the port ${port} was taken meanwhile`)
    },
    async kill() {
      process.kill(await pid(), 'SIGKILL')
      const limit = AbortSignal.timeout(stopTimeoutMs)
      while (await findPostmaster(cluster)) await sleep(5, undefined, { signal: limit })
    },
    [Symbol.asyncDispose]: () => stopPostmaster(cluster, AbortSignal.timeout(stopTimeoutMs)),
  }
}

/** Waits for a port that a postmaster has left: for a moment after its end it may still have it, and would get another. */
async function released(cluster: Cluster, port: number): Promise<void> {
  const limit = AbortSignal.timeout(stopTimeoutMs)
  while (!(await findPostmaster(cluster)) && !(await isFree(port))) await sleep(5, undefined, { signal: limit })
}

async function running(cluster: Cluster): Promise<{ pid: number }> {
  const found = await findPostmaster(cluster)
  if (!found) throw new Error('PostgreSQL does not run')
  return found
}

/** Returns how many rows there were. */
async function execute(url: string, statement: string): Promise<number> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(statement)).rowCount ?? 0
  } finally {
    await client.end()
  }
}
