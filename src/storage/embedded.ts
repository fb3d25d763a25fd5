import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { type Cluster, databaseName, databaseUrl, openCluster } from './embedded/cluster.ts'
import { type FolderLock, tryFolderLock } from './embedded/folder-lock.ts'
import { type Postmaster, stopPostmaster } from './embedded/postmaster.ts'
import { configuredPort, writeSettings } from './embedded/settings.ts'
import { ensurePostmaster, type StartOptions } from './embedded/start.ts'
import { supervise } from './embedded/supervise.ts'

/** A PostgreSQL of this server's own, which has the data folder to itself. */
export type Embedded = {
  /** Of the database for Deed's tables. It stays the same when PostgreSQL is started again. */
  url: string
  /** Stops PostgreSQL, unless another server has taken the folder; without a checkpoint when `signal` fires. */
  stop(signal?: AbortSignal): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export type EmbeddedOptions = {
  /** Made where it is missing; the cluster is `postgres` in it, its log `postgres.log`. */
  dataDir: string
  /** Ends the start. */
  signal: AbortSignal
  log: (message: string) => void
}

/** A killed server's connection takes a moment to be noticed as gone. */
const lockTimeoutMs = 2000
const reachTimeoutMs = 10_000
const pollMs = 50

/**
 * Starts a PostgreSQL on the data folder, or adopts the one that a killed server left running there. Throws an Error of
 * one line, with what to do: when another Deed server has the folder, or PostgreSQL cannot be had.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const { dataDir, log } = options
  const cluster = await openCluster(options)
  const { lock, postmaster } = await takeFolder(cluster, dataDir, options)
  try {
    // A rival start may have written another port; that of the running server has to outlive it.
    if ((await configuredPort(cluster.dir)) !== postmaster.port) await writeSettings(cluster, postmaster.port)
    await ensureDatabase(databaseUrl(cluster, postmaster.port, 'postgres'))
  } catch (error) {
    await stopPostmaster(cluster, options.signal)
    throw error
  }
  const supervisor = supervise(cluster, postmaster.port, lock, log)
  const lockUrl = databaseUrl(cluster, postmaster.port, 'postgres')
  let stopped: Promise<void> | undefined

  const stop = async (signal?: AbortSignal) => {
    const held = await supervisor.stop()
    // Stopped with the lock held, so that nobody adopts what is about to go.
    const last = held ?? (await tryFolderLock(lockUrl, cluster.dir).catch(() => undefined))
    if (last === 'taken') return
    await stopPostmaster(cluster, signal)
    await last?.release()
  }
  const stopOnce = (signal?: AbortSignal) => {
    stopped ??= stop(signal)
    return stopped
  }
  return {
    url: databaseUrl(cluster, postmaster.port, databaseName),
    stop: stopOnce,
    [Symbol.asyncDispose]: () => stopOnce(),
  }
}

/** Comes back with PostgreSQL running and the lock of the folder held; what another server uses is left alone. */
async function takeFolder(
  cluster: Cluster,
  dataDir: string,
  options: StartOptions,
): Promise<{ lock: FolderLock; postmaster: Postmaster }> {
  let started = false
  let takenSince: number | undefined
  let unreachableSince: number | undefined
  try {
    for (;;) {
      const postmaster = await ensurePostmaster(cluster, options)
      started ||= postmaster.started
      const lock = await tryFolderLock(databaseUrl(cluster, postmaster.port, 'postgres'), cluster.dir).catch(asError)
      const now = performance.now()
      if (lock === 'taken') {
        takenSince ??= now
        if (now - takenSince > lockTimeoutMs) {
          const folder = resolve(dataDir)
          throw new Error(
            `another deed server uses the data folder ${folder}; stop it or set DEED_DATA_DIR to another folder`,
          )
        }
      } else if (lock instanceof Error) {
        // A server that is just leaving stops PostgreSQL under our hands: then it is started again.
        unreachableSince ??= now
        if (now - unreachableSince > reachTimeoutMs) {
          throw new Error(`PostgreSQL on ${cluster.dir} does not let deed in: ${lock.message}`, { cause: lock })
        }
      } else return { lock, postmaster }
      await sleep(pollMs, undefined, { signal: options.signal })
    }
  } catch (error) {
    if (started && takenSince === undefined) await stopPostmaster(cluster)
    throw error
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause))
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000, query_timeout: 30_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [databaseName])
    if (rowCount === 0) await client.query(`create database ${databaseName}`)
  } finally {
    await client.end()
  }
}
