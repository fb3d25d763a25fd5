import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The program itself: the script around it only finds it, which takes 0.1 s, and outlives being killed. */
const program = createRequire(import.meta.resolve('@bufbuild/buf/package.json')).resolve(
  // An optional dependency of that package, which need not be visible from here.
  `@bufbuild/buf-${process.platform}-${process.arch}/bin/buf${process.platform === 'win32' ? '.exe' : ''}`,
)
const timeoutMs = 60_000
const maxOutputBytes = 64 * 1024 * 1024

/** How a run of buf ended. buf exits with 100 when it found fault with its input; faults go to `stderr` or `stdout`. */
export type BufRun = { code: number; stdout: string; stderr: string }

/**
 * Runs the buf of this installation in a folder, a minute at the most. Throws when it cannot be run, is killed or says more
 * than 64 MiB, and with the signal's reason when that fires.
 */
export async function runBuf(args: readonly string[], cwd: string, signal: AbortSignal): Promise<BufRun> {
  // buf insists on a folder to cache modules in. A service's account may have no home, or one that cannot be written.
  const cache = await mkdtemp(join(tmpdir(), 'deed-buf-cache-'))
  try {
    return await runWith(cache, args, cwd, signal)
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
}

function runWith(cache: string, args: readonly string[], cwd: string, signal: AbortSignal): Promise<BufRun> {
  const { promise, resolve, reject } = Promise.withResolvers<BufRun>()
  const env = { ...process.env, BUF_CACHE_DIR: cache }
  const options = { cwd, env, signal, timeout: timeoutMs, maxBuffer: maxOutputBytes }
  const child = execFile(program, args, options, (error, stdout, stderr) => {
    if (signal.aborted) reject(signal.reason)
    else if (error !== null && child.exitCode === null) reject(error)
    else resolve({ code: child.exitCode ?? 0, stdout, stderr })
  })
  return promise
}
