import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { covered } from './processes.ts'

/** A program in a pseudo terminal of its own: it sees a terminal on stdin, stdout and stderr. */
export type Terminal = AsyncDisposable & {
  /** Types, as keys would. */
  type(keys: string): void
  /** Waits until it has shown this since the last time, and returns what it has shown. Throws when it ends before, or is late. */
  shows(text: string | RegExp): Promise<string>
  /** The exit code, and everything that it showed, with its escape sequences. */
  readonly ended: Promise<{ code: number | null; shown: string }>
}

export type TerminalOptions = { columns: number; env: Readonly<Record<string, string>> }

const lateMs = 20_000

/** Runs a command of a shell (bash) in a terminal of this width, with nothing of Deed's in its environment but `env`. */
export function openTerminal(command: string, { columns, env }: TerminalOptions): Terminal {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DEED_|DATABASE_URL|ANTHROPIC_|OPENAI_|OTEL_|NO_COLOR|FORCE_COLOR|CI$|TERM$)/.test(name),
  )
  const [program = '', ...args] = inTerminal(`stty cols ${columns} rows 40; ${command}`)
  const child = spawn(program, args, {
    env: { ...Object.fromEntries(inherited), ...covered, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', ...env },
  })
  let shown = ''
  let seen = 0
  child.stdin.on('error', () => {})
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      shown += text
    })
  }
  const ended = once(child, 'close').then(([code]) => ({ code, shown }))
  return {
    type: (keys) => child.stdin.write(keys),
    async shows(text) {
      const late = AbortSignal.timeout(lateMs)
      for (;;) {
        const found = typeof text === 'string' ? shown.indexOf(text, seen) : shown.slice(seen).search(text)
        if (found >= 0) {
          const start = seen
          seen = shown.length
          return shown.slice(start)
        }
        if (late.aborted || child.exitCode !== null) throw new Error(`did not show ${text}: ${JSON.stringify(shown)}`)
        await Promise.race([once(child.stdout, 'data', { signal: late }).catch(() => {}), ended.catch(() => {})])
      }
    },
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}

/** With what the machine has: `script` of util-linux, or Python. */
function inTerminal(command: string): string[] {
  const { stdout = '' } = spawnSync('script', ['--version'], { encoding: 'utf8' })
  if (/util-linux/.test(stdout ?? '')) return ['script', '-qefc', `bash -c ${quoted(command)}`, '/dev/null']
  const python = 'import os,pty,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
  return ['python3', '-c', python, 'bash', '-c', command]
}

/** As a shell takes it for one word. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
