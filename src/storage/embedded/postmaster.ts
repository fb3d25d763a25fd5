import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { programEnvironment } from './as-user.ts'
import type { Cluster } from './cluster.ts'
import { lastWords } from './last-words.ts'

/** A PostgreSQL server that runs on a cluster, whoever started it. */
export type Postmaster = { pid: number; port: number; ready: boolean }

const pollMs = 20
const stopTimeoutMs = 30_000
const killTimeoutMs = 5000

/** PostgreSQL did not start; the message has its last word. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly portTaken: boolean
  /** Another PostgreSQL is on the cluster, or what a killed one left of itself. */
  readonly inUse: boolean

  constructor(dir: string, words: string) {
    super(`PostgreSQL did not start on ${dir}: ${words}`)
    this.portTaken = words.includes('could not bind') || words.includes('could not create any TCP/IP sockets')
    this.inUse = /lock file|pre-existing shared memory/.test(words)
  }
}

/** The server that runs on the cluster, as its `postmaster.pid` has it; undefined when none does. */
export async function findPostmaster(cluster: Cluster): Promise<Postmaster | undefined> {
  const path = join(cluster.dir, 'postmaster.pid')
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n')
  const pid = Number(lines[0])
  if (!(pid > 0) || !isAlive(pid)) return undefined
  if (await livesIn(pid, cluster.dir)) return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
  // After a power cut or in a new container the number can be another process's, and PostgreSQL would not dare to start.
  // That nothing at all lives in the folder makes sure of it: not even a backend whose postmaster was killed.
  if (await isDeserted(cluster.dir)) await rm(path, { force: true })
  return undefined
}

/**
 * Starts PostgreSQL with the cluster's settings: in a session of its own, so that Ctrl-C in the terminal does not reach it.
 * Waits until it has written that it accepts connections. Throws StartError when it ends; when `signal` fires it is stopped
 * again. Passing `waitMs` throws too, but lets it go on: a recovery that is always interrupted would never finish.
 */
export async function launchPostmaster(
  cluster: Cluster,
  waitMs: number,
  log: (message: string) => void,
  signal: AbortSignal,
): Promise<Postmaster> {
  await using output = await open(cluster.logFile, 'a', 0o600)
  const { size } = await output.stat()
  const child = spawn(join(cluster.bin, 'postgres'), ['-D', cluster.dir], {
    ...cluster.account,
    cwd: cluster.dir,
    env: programEnvironment,
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
  })
  let end: Error | undefined
  child.once('error', (error) => (end = error))
  child.once('exit', () => (end ??= new Error('it ended')))
  child.unref()

  const started = performance.now()
  let told = 0
  for (;;) {
    if (end) throw new StartError(cluster.dir, lastWords(await written(cluster.logFile, size)) ?? end.message)
    const found = await findPostmaster(cluster)
    if (signal.aborted) {
      child.kill('SIGINT')
      await Promise.race([end ?? once(child, 'exit'), sleep(killTimeoutMs)])
      signal.throwIfAborted()
    }
    if (found?.ready && found.pid === child.pid) return found
    const waited = performance.now() - started
    if (waited > waitMs) {
      throw new Error(
        `PostgreSQL is still not ready after ${waitMs / 1000} s, and goes on: try again later (${cluster.logFile})`,
      )
    }
    if (waited > 5000 * (told + 1)) {
      told += 1
      log(`PostgreSQL is starting since ${told * 5} s: after a crash it has to recover`)
    }
    await sleep(pollMs)
  }
}

/**
 * Stops the server that runs on the cluster, if one does: fast, which ends its connections and writes a checkpoint; at
 * once when `signal` fires or after 30 s, which leaves a recovery to the next start. Throws when it still runs.
 */
export async function stopPostmaster(cluster: Cluster, signal?: AbortSignal): Promise<void> {
  const found = await findPostmaster(cluster)
  if (!found) return
  send(found.pid, 'SIGINT')
  if (await waitForEnd(cluster, found.pid, stopTimeoutMs, signal)) return
  send(found.pid, 'SIGQUIT')
  if (await waitForEnd(cluster, found.pid, killTimeoutMs)) return
  throw new Error(`PostgreSQL (process ${found.pid}) on ${cluster.dir} does not stop`)
}

async function waitForEnd(cluster: Cluster, pid: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const until = performance.now() + timeoutMs
  while (performance.now() < until && !signal?.aborted) {
    if (!(await livesIn(pid, cluster.dir))) return true
    await sleep(pollMs)
  }
  return false
}

/** Whether a process runs and, where the system says it, has `dir` as its working folder, as all of PostgreSQL's do. */
async function livesIn(pid: number, dir: string): Promise<boolean> {
  if (process.platform !== 'linux') return isAlive(pid)
  return (await workingFolder(pid)) === dir
}

async function isDeserted(dir: string): Promise<boolean> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0)
  return !(await Promise.all(pids.map(workingFolder))).includes(dir)
}

async function workingFolder(pid: number): Promise<string | undefined> {
  return readlink(`/proc/${pid}/cwd`).catch(() => undefined)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between the look and the signal, or is not ours to stop: the wait that follows tells.
  }
}

/** What PostgreSQL wrote to its log since that had `from` bytes; of very much, the beginning. */
async function written(logFile: string, from: number): Promise<string> {
  await using file = await open(logFile, 'r')
  const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, from)
  return buffer.toString('utf8', 0, bytesRead)
}
