import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const stopTimeoutMs = 20_000

/** A Deed server in a process of its own, on a free port and a fresh data folder. */
export type Server = {
  /** `host:port` */
  address: string
  /** `provider/name` of the model that answers. */
  model: string
  /** The admin key that its first start made. */
  key: string
  /** Runs another command of `deed` against it; returns what it prints. Throws an Error with what it complains about. */
  run(...args: string[]): Promise<string>
  /** Stops it and removes its folder. Throws when it does not end well. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts `deed serve`; what the environment says of models and telemetry holds for it too. Throws with its last words. */
export async function startServer(signal: AbortSignal): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'deed-demo-'))
  const env: NodeJS.ProcessEnv = { ...process.env, DEED_HOST: '127.0.0.1', DEED_PORT: '0', DEED_DATA_DIR: folder }
  for (const name of ['DATABASE_URL', 'DEED_ADMIN_KEY_FILE', 'DEED_KEY', 'DEED_ADDRESS']) delete env[name]
  // In a session of its own: Ctrl-C reaches this process alone, which then stops the server once.
  const child = spawn(process.execPath, [main, 'serve'], {
    env: { ...env, DEED_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const closed = once(child, 'close')
  const words = lastLine(child)
  try {
    const ready = await listening(child, signal)
    if (!ready) {
      await closed
      throw new Error(`the server did not start: ${words()}`)
    }
    const { address, model } = ready
    const key = (await readFile(join(folder, 'admin.key'), 'utf8')).trim()
    return {
      address,
      model,
      key,
      run: (...args) => runCommand(args, { ...env, DEED_ADDRESS: address }, signal),
      async [Symbol.asyncDispose]() {
        const ended = await stop(child, closed)
        await remove(folder)
        if (ended !== 0) throw new Error(`the server ended with ${ended}: ${words()}`)
      },
    }
  } catch (error) {
    await stop(child, closed)
    await remove(folder)
    throw error
  }
}

/** Waits for the line in which the server says where it listens; undefined when it ends without. */
async function listening(child: ChildProcess, signal: AbortSignal) {
  if (!child.stdout) throw new Error('the server has no stdout')
  const lines = createInterface({ input: child.stdout })
  const close = () => lines.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    for await (const line of lines) {
      const [, address, model] = /^Deed listens on (\S+) \(model ([^,]+),/.exec(line) ?? []
      if (address !== undefined && model !== undefined) return { address, model }
    }
    signal.throwIfAborted()
    return undefined
  } finally {
    signal.removeEventListener('abort', close)
    child.stdout.resume()
  }
}

/** What the process wrote last on stderr. */
function lastLine(child: ChildProcess): () => string {
  let last = 'it said nothing'
  if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => (last = line || last))
  return () => last.replace(/^error: /, '')
}

/** The exit code, or the signal that ended it. */
async function stop(child: ChildProcess, closed: Promise<unknown>): Promise<number | string | null> {
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  await closed
  clearTimeout(force)
  return child.exitCode ?? child.signalCode
}

/** As root, PostgreSQL's files may be behind a link: where its account can reach them. */
async function remove(folder: string): Promise<void> {
  const cluster = await realpath(join(folder, 'postgres')).catch(() => undefined)
  if (cluster !== undefined) await rm(cluster, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
}

async function runCommand(args: readonly string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, [main, ...args], { env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  if (code === 0) return stdout
  throw new Error(`deed ${args.join(' ')}: ${stderr.replace(/^error: /, '').trim()}`)
}
