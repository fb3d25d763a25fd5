import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export type Ended = { code: number | null; stdout: string; stderr: string }

/** Runs the `deed` command in a process of its own, with nothing of Deed's in its environment but `env`. */
export async function runDeed(args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(DEED_|DATABASE_URL|ANTHROPIC_|OTEL_)/.test(name))
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    signal: AbortSignal.timeout(30_000),
  })
  child.stdin.on('error', () => {}) // closed by a command that does not read it
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}
