import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { databaseUrl, openCluster } from '../../src/storage/embedded/cluster.ts'
import { stopPostmaster } from '../../src/storage/embedded/postmaster.ts'
import { ensurePostmaster } from '../../src/storage/embedded/start.ts'
import type { Row } from '../rows.ts'

/** One PostgreSQL for all, with a database for each. */
export type Databases = {
  urlOf(kind: string): string
  /** Writes out what is dirty, so that none pays for another. */
  checkpoint(): Promise<void>
  settings: Row[]
  [Symbol.asyncDispose](): Promise<void>
}

/** Each keeps the connections that it has opened for a while. */
const settings = { max_connections: '300' }
const stopMs = 10_000

/** Starts it, in a folder that is removed at the end. Throws when a commit would not be durable. */
export async function openDatabases(
  kinds: readonly string[],
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<Databases> {
  await using opening = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'deed-bench-queue-'))
  opening.defer(() => rm(dataDir, { recursive: true, force: true }))
  // As root, PostgreSQL runs as another user, who has to get through to the folder in it.
  await chmod(dataDir, 0o711)
  const cluster = await openCluster({ dataDir, settings, signal, log })
  opening.defer(() => stopPostmaster(cluster, AbortSignal.timeout(stopMs)))
  const { port } = await ensurePostmaster(cluster, { signal, log })
  const client = new Client({ connectionString: databaseUrl(cluster, port, 'postgres') })
  client.on('error', () => undefined)
  await client.connect()
  opening.defer(() => client.end())
  const rows: Row[] = []
  for (const name of ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes']) {
    const shown = await client.query<{ value: string }>('select current_setting($1) as value', [name])
    const value = String(shown.rows[0]?.value)
    if (name !== 'server_version' && value !== 'on') throw new Error(`${name} is ${value}: nothing would be durable`)
    rows.push({ name: name === 'server_version' ? 'postgresql' : name, value })
  }
  const nameOf = (kind: string) => `bench_${kind.replaceAll('-', '_')}`
  for (const kind of kinds) await client.query(`create database ${nameOf(kind)}`)
  const open = opening.move()
  return {
    urlOf: (kind) => databaseUrl(cluster, port, nameOf(kind)),
    async checkpoint() {
      await client.query('checkpoint')
    },
    settings: rows,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
