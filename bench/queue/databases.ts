import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startEmbedded } from '../../src/storage/embedded.ts'
import type { Row } from '../rows.ts'

/** One PostgreSQL for all, with a database for each. */
export type Databases = {
  urlOf(kind: string): string
  /** Writes out what is dirty, so that none pays for another. */
  checkpoint(): Promise<void>
  settings: Row[]
  [Symbol.asyncDispose](): Promise<void>
}

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
  const postgres = opening.use(await startEmbedded({ dataDir, signal, log }))
  const client = new Client({ connectionString: postgres.url })
  client.on('error', () => undefined)
  await client.connect()
  opening.defer(() => client.end())
  const settings: Row[] = []
  for (const name of ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes']) {
    const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [name])
    const value = String(rows[0]?.value)
    if (name !== 'server_version' && value !== 'on') throw new Error(`${name} is ${value}: nothing would be durable`)
    settings.push({ name: name === 'server_version' ? 'postgresql' : name, value })
  }
  const nameOf = (kind: string) => `bench_${kind.replaceAll('-', '_')}`
  for (const kind of kinds) await client.query(`create database ${nameOf(kind)}`)
  const open = opening.move()
  return {
    urlOf(kind) {
      const url = new URL(postgres.url)
      url.pathname = `/${nameOf(kind)}`
      return url.href
    },
    async checkpoint() {
      await client.query('checkpoint')
    },
    settings,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
