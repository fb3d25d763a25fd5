import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from './markdown.ts'

export type Printed = { stdout: string; stderr: string }

/** One bash, with `set -euo pipefail`, in a folder that looks like a checkout. */
export type Shell = {
  folder: string
  /** Runs a script in it. Rejects, with what it printed, when it fails, or, with `fails`, when it does not. */
  run(script: string, fails?: boolean): Promise<Printed>
  [Symbol.asyncDispose](): Promise<void>
}

/** `npx` finds `deed` and what is installed, and never asks a registry; npm installs nothing. */
const commands = {
  npx: `#!/bin/sh
name=$1; shift
[ "$name" = deed ] && exec node ${root}/src/main.ts "$@"
exec ${root}/node_modules/.bin/$name "$@"`,
  npm: '#!/bin/sh\necho "npm $* is not run here" >&2; exit 1',
}

/** A script that hangs is ended. */
const limitMs = 20_000

/** Starts it with nothing of Deed's in its environment but `env`. */
export async function openShell(env: Readonly<Record<string, string>>): Promise<Shell> {
  const home = await mkdtemp(join(tmpdir(), 'deed-docs-'))
  const folder = join(home, 'deed')
  await mkdir(join(home, 'bin'))
  await mkdir(folder)
  for (const [name, text] of Object.entries(commands)) await writeFile(join(home, 'bin', name), text, { mode: 0o755 })
  for (const name of await readdir(root)) {
    if (!name.startsWith('.')) await symlink(join(root, name), join(folder, name))
  }
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DEED_|DATABASE_URL|ANTHROPIC_|OPENAI_|OTEL_)/.test(name),
  )
  const path = [join(home, 'bin'), join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter)
  const bash = spawn('bash', ['--noprofile', '--norc'], {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), ...env, PATH: path },
  })
  const ended = once(bash, 'close')
  bash.stdin.on('error', () => {})
  bash.stderr.resume()
  bash.stdin.write('set -euo pipefail\n')
  const answers = createInterface(bash.stdout)[Symbol.asyncIterator]()
  let scripts = 0

  return {
    folder,
    async run(script, fails = false) {
      const file = join(home, `${++scripts}`)
      await writeFile(`${file}.sh`, script)
      const source = `source ${file}.sh </dev/null >${file}.out 2>${file}.err`
      // Where the shell itself must live on, the script gets one of its own.
      bash.stdin.write(fails ? `set +e; (set -e; ${source}); echo $?; set -e\n` : `${source}; echo 0\n`)
      const { value: code, done } = await within(answers.next(), bash)
      const read = (end: string) => readFile(`${file}.${end}`, 'utf8').catch(() => '')
      const printed = { stdout: await read('out'), stderr: await read('err') }
      const failed = done === true || code !== '0'
      if (failed === fails) return printed
      throw new Error(`${fails ? 'did not fail' : 'failed'}:\n${script}\n${printed.stdout}${printed.stderr}`)
    },
    async [Symbol.asyncDispose]() {
      bash.stdin.end()
      bash.kill()
      await ended
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function within<T>(promise: Promise<T>, bash: ChildProcessWithoutNullStreams): Promise<T> {
  const timer = setTimeout(() => bash.kill('SIGKILL'), limitMs)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}
