import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Cluster, openCluster } from '../../src/storage/embedded/cluster.ts'
import { stopPostmaster } from '../../src/storage/embedded/postmaster.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const startTimeoutMs = 30_000
const stopTimeoutMs = 30_000

/** Settings of the server; only these, and what every process has, are in its environment. */
export type DeedEnvironment = Readonly<Record<string, string>> & { DEED_DATA_DIR: string }

/** `deed serve` in a process of its own. */
export type DeedProcess = {
  readonly pid: number
  /** Resolves with `host:port` when it serves. Rejects, with what it wrote to stderr, when it ends before that. */
  listening(): Promise<string>
  /** SIGKILL. Resolves when it has ended; its PostgreSQL goes on. */
  kill(): Promise<void>
  send(signal: NodeJS.Signals): void
  /** Sends the signal and resolves when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<Exit>
  readonly ended: Promise<Exit>
  /** Kills it if it still runs, and its PostgreSQL. */
  [Symbol.asyncDispose](): Promise<void>
}

export type Exit = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }

const left = new Set<DeedProcess>()

/** For `afterEach`: ends what a test that failed or ran out of time has left behind. */
export async function endProcesses(): Promise<void> {
  for (const process of left) await process[Symbol.asyncDispose]()
}

/** Starts `deed serve` and waits until it serves. */
export async function startDeed(env: DeedEnvironment): Promise<DeedProcess & { address: string }> {
  const started = spawnDeed(env)
  return Object.assign(started, { address: await started.listening() })
}

/** Starts `deed serve` and does not wait. */
export function spawnDeed(env: DeedEnvironment): DeedProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DEED_|DATABASE_URL|ANTHROPIC_|OPENAI_|OTEL_)/.test(name),
  )
  const child = spawn(process.execPath, [main, 'serve'], {
    env: { ...Object.fromEntries(inherited), DEED_LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const ended = once(child, 'close').then(([code, signal]): Exit => ({ code, signal, ...output }))
  const send = (signal: NodeJS.Signals) => {
    if (isRunning(child)) child.kill(signal)
  }
  const deed: DeedProcess = {
    pid: child.pid ?? 0,
    listening: () => within(startTimeoutMs, 'the server did not start', addressOf(child, output, ended)),
    async kill() {
      send('SIGKILL')
      await ended
    },
    send,
    stop(signal = 'SIGTERM') {
      send(signal)
      return within(stopTimeoutMs, 'the server did not stop', ended)
    },
    ended,
    async [Symbol.asyncDispose]() {
      left.delete(deed)
      send('SIGCONT')
      send('SIGKILL')
      await ended
      if (!('DATABASE_URL' in env)) await stopEmbedded(env.DEED_DATA_DIR)
    },
  }
  left.add(deed)
  return deed
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** The cluster of a data folder in which a server has been started, or undefined. */
export async function clusterOf(dataDir: string): Promise<Cluster | undefined> {
  const there = await access(join(dataDir, 'postgres')).then(
    () => true,
    () => false,
  )
  if (!there) return undefined
  return openCluster({ dataDir, signal: AbortSignal.timeout(startTimeoutMs), log: () => {} })
}

/** Rejects when the promise takes longer. */
export async function within<T>(ms: number, otherwise: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${otherwise} within ${ms} ms`)), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

async function stopEmbedded(dataDir: string): Promise<void> {
  const cluster = await clusterOf(dataDir)
  if (cluster) await stopPostmaster(cluster)
}

async function addressOf(child: ChildProcess, output: { stdout: string }, ended: Promise<Exit>): Promise<string> {
  const over = ended.then(({ code, signal, stderr }): never => {
    throw new Error(`the server ended with ${code ?? signal}: ${stderr}`)
  })
  for (;;) {
    const address = /listens on (\S+)/.exec(output.stdout)?.[1]
    if (address !== undefined) {
      over.catch(() => {})
      return address
    }
    if (!child.stdout) throw new Error('no stdout')
    await Promise.race([once(child.stdout, 'data'), over])
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}
