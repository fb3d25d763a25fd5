import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const startTimeoutMs = 120_000
const stopTimeoutMs = 40_000
const keptErrors = 2_000

/** A server as `npm start` runs it. */
export type Started = {
  /** `host:port` */
  address: string
  [Symbol.asyncDispose](): Promise<void>
}

/** Runs `npm start` with these settings and no others, and waits until it listens. Throws with what it said when it ends before. */
export async function npmStart(settings: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Started> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DEED_|DATABASE_URL|ANTHROPIC_|OPENAI_|OTEL_)/.test(name),
  )
  // A group of its own: a Ctrl-C here is not for it, and npm hands on what it is sent.
  const child = spawn('npm', ['start'], {
    cwd: root,
    detached: true,
    env: { ...Object.fromEntries(inherited), npm_config_update_notifier: 'false', DEED_LOG_LEVEL: 'warn', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-keptErrors)
  })
  const closed = once(child, 'close')
  const stop = async () => {
    const { pid } = child
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const force = setTimeout(() => process.kill(-pid, 'SIGKILL'), stopTimeoutMs)
    await closed.finally(() => clearTimeout(force))
  }
  try {
    const ended = closed.then(
      () => Promise.reject(new Error(`npm start ended: ${errors.trim()}`)),
      (cause: Error) => Promise.reject(new Error(`npm cannot be run: ${cause.message}`, { cause })),
    )
    const limit = AbortSignal.any([signal, AbortSignal.timeout(startTimeoutMs)])
    return { address: await Promise.race([listening(child.stdout, limit), ended]), [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The address, from what the server prints. */
async function listening(stdout: NodeJS.ReadableStream, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: stdout })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  lines.on('line', (line) => {
    const address = /^Deed listens on (\S+)/.exec(line)?.[1]
    if (address !== undefined) resolve(address)
  })
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return promise.finally(() => signal.removeEventListener('abort', abort))
}
