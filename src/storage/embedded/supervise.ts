import { copyFile, stat, truncate } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, databaseUrl } from './cluster.ts'
import { type FolderLock, tryFolderLock } from './folder-lock.ts'
import { findPostmaster, launchPostmaster } from './postmaster.ts'

const tickMs = 1000
const readyTimeoutMs = 60_000
/** Whoever stopped PostgreSQL may want to start it: by hand, after a look at something. */
const restartAfterMs = 5000
const logBytes = 10 * 1024 * 1024

export type Supervisor = {
  /** Ends the watch; gives the lock if it is held. */
  stop(): Promise<FolderLock | undefined>
}

/**
 * Watches over a running cluster: takes the folder's lock again when its connection was lost, starts a PostgreSQL that has
 * been gone for 5 s on its same port, and keeps its log below 10 MB (with the 10 MB before that beside it).
 */
export function supervise(
  cluster: Cluster,
  port: number,
  first: FolderLock,
  log: (message: string) => void,
): Supervisor {
  const stopping = new AbortController()
  const { signal } = stopping
  const lockUrl = databaseUrl(cluster, port, 'postgres')
  let lock = first
  let goneSince: number | undefined
  let told = ''
  const tell = (message: string) => {
    if (message !== told) log(message)
    told = message
  }

  const restore = async () => {
    goneSince ??= performance.now()
    const found = await findPostmaster(cluster)
    if (found && !found.ready) return
    if (!found) {
      if (performance.now() - goneSince < restartAfterMs) return
      goneSince = performance.now()
      tell('PostgreSQL is gone: starting it again')
      await launchPostmaster(cluster, readyTimeoutMs, log, signal)
    }
    const taken = await tryFolderLock(lockUrl, cluster.dir)
    if (taken === 'taken') return tell('another deed server has taken the data folder while PostgreSQL was gone')
    lock = taken
    goneSince = undefined
    tell('PostgreSQL is back')
    told = ''
  }

  const watch = async () => {
    while (!signal.aborted) {
      await sleep(tickMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) return
      try {
        await trimLog(cluster.logFile)
        if (!lock.held) await restore()
      } catch (error) {
        if (!signal.aborted) tell(`PostgreSQL is gone: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  const watching = watch()

  return {
    async stop() {
      stopping.abort()
      await watching
      return lock.held ? lock : undefined
    },
  }
}

/** PostgreSQL appends to the file that it was given, so emptying it in place is safe. */
async function trimLog(logFile: string): Promise<void> {
  if ((await stat(logFile)).size <= logBytes) return
  await copyFile(logFile, `${logFile}.1`)
  await truncate(logFile)
}
