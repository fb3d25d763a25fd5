import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import manifest from '../package.json' with { type: 'json' }
import type { StatementTimes } from './statement-times.ts'

/** A server in a process of its own. */
export type Child = {
  /** What it printed when it was ready. */
  ready: Readonly<Record<string, string>>
  /** Bytes of memory that it has resident. */
  rss(): Promise<number>
  /** Everything that it reports. */
  report(): Promise<Report>
  /** What it reports when it has done as a line of JSON says; one at a time. */
  ask<T>(command: object, limit: AbortSignal): Promise<T>
  [Symbol.asyncDispose](): Promise<void>
}

type Report = { rss: number; statements?: StatementTimes }

const stopTimeoutMs = 15_000
/** What `npm start` tells Node. */
const flags = manifest.scripts.start.match(/--\S+/g) ?? []

/** Starts a script of bench/ that ends in `serveUntilTold`, and waits until it is ready. */
export async function startChild(script: string, args: readonly string[], signal: AbortSignal): Promise<Child> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...flags, path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  // Of a child that has ended, which its exit says better.
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stdout })
  const next = async (limit = signal) => {
    const line = once(lines, 'line', { signal: limit })
    const ended = exited.then(([code, by]) => Promise.reject(new Error(`${script} ended with ${code ?? by}`)))
    const [text] = await Promise.race([line, ended])
    return JSON.parse(text)
  }
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
    await exited
    clearTimeout(force)
  }
  const report = (): Promise<Report> => {
    child.stdin.write('\n')
    return next()
  }
  try {
    return {
      ready: await next(),
      report,
      ask(command, limit) {
        child.stdin.write(`${JSON.stringify(command)}\n`)
        return next(limit)
      },
      rss: async () => (await report()).rss,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
