import { randomInt, randomUUID } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Account } from './as-user.ts'

/** The file in the cluster's folder that `postgresql.conf` includes, so that `pg_ctl start` by hand means the same. */
export const settingsFile = 'deed.conf'

const fixed: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '', // a socket's path may have 107 bytes, a data folder's more
  max_connections: '100',
  shared_buffers: '128MB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  // Statements and the DETAIL of an error can hold what callers sent.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

export type Configurable = {
  /** PostgreSQL's own data folder, without links in it. */
  dir: string
  account: Account | undefined
  /** Settings of PostgreSQL beyond Deed's own. */
  settings: Readonly<Record<string, string>>
}

/** Writes the cluster's settings: Deed's own, those of the cluster, the port. PostgreSQL reads them at its next start. */
export async function writeSettings({ dir, account, settings }: Configurable, port: number): Promise<void> {
  const lines = Object.entries({ ...fixed, ...settings, port: String(port) }).map(
    ([name, value]) => `${name} = '${value}'`,
  )
  await writeOwned(join(dir, settingsFile), `# Written by deed at each start.\n${lines.join('\n')}\n`, account)
}

/** The port that the settings name; undefined when there is none yet. */
export async function configuredPort(dir: string): Promise<number | undefined> {
  const text = await readFile(join(dir, settingsFile), 'utf8').catch(() => '')
  const port = /^port = '(\d+)'$/m.exec(text)?.[1]
  return port === undefined ? undefined : Number(port)
}

/**
 * The port of the last time if it is free, else another. From below the ports that systems give to outgoing connections
 * (32768 and up): there a client that waits for PostgreSQL to come back can connect to itself, and hold its port.
 */
export async function freePort(last: number | undefined): Promise<number> {
  if (last !== undefined && (await isFree(last))) return last
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(15_000, 32_768)
    if (await isFree(port)) return port
  }
  throw new Error('no free port on 127.0.0.1 between 15000 and 32767 for PostgreSQL; set DATABASE_URL to one that runs')
}

/** Whether nothing listens on a port of 127.0.0.1. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/**
 * Writes a file that belongs to `account`, for its eyes only, all or nothing. In a folder of that account: the new file is
 * renamed over the old, since root must not write through a link that the account may have put there.
 */
export async function writeOwned(path: string, text: string, account: Account | undefined): Promise<void> {
  const staging = `${path}.new-${randomUUID()}`
  try {
    await using file = await open(staging, 'wx', 0o600)
    await file.writeFile(text)
    if (account) await file.chown(account.uid, account.gid)
    await file.sync()
    await rename(staging, path)
  } catch (error) {
    await rm(staging, { force: true })
    throw error
  }
}
