import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { noProgress } from '../../src/cli/progress.ts'
import { runCommand } from '../../src/cli/run.ts'
import { readClientConfig, readServerConfig, readStorageConfig } from '../../src/config.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export type Ended = { code: number | null; stdout: string; stderr: string }

/** Runs the `deed` command in a process of its own, with nothing of Deed's in its environment but `env`. */
export async function runDeed(args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DEED_|DATABASE_URL|ANTHROPIC_|OPENAI_|OTEL_)/.test(name),
  )
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

/**
 * Runs a command in this process, for tests that a process of its own, which takes half a second, would tell nothing more:
 * neither of `serve`, nor of stdin, help or a terminal.
 */
export async function runCommandHere(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const written = { stdout: '', stderr: '' }
  const complain = (text: string) => {
    written.stderr += stripVTControlCharacters(text) // mocha may have a terminal
  }
  const code = await runCommand(
    args,
    {
      target: () => readClientConfig(env),
      storage: () => readStorageConfig(env),
      server: () => readServerConfig(env),
      output: (json) => ({
        json,
        columns: undefined,
        print: (line) => {
          written.stdout += `${line}\n`
        },
        remark: (line) => {
          written.stderr += `${line}\n`
        },
        paint: (_, text) => text,
        progress: () => noProgress,
      }),
      interrupt: () => new AbortController().signal,
      serve: () => Promise.reject(new Error('a server needs a process of its own')),
    },
    complain,
  )
  return { code, ...written }
}
