#!/usr/bin/env node
import { styleText } from 'node:util'
import type { Output } from './cli/output.ts'
import type { Surroundings } from './cli/program.ts'
import { noProgress, showProgress } from './cli/progress.ts'
import { type Outcome, runCommand } from './cli/run.ts'
import { readClientConfig, readServerConfig, readStorageConfig } from './config.ts'

// Nothing else is imported here: the command that runs says what it needs.

/** 128 and the number of the signal, as shells have it. */
const signals = { SIGINT: 130, SIGTERM: 143 } as const

/** What an interrupted command has to clean up takes no longer. */
const graceMs = 10_000
let interrupted: 130 | 143 | undefined

/** The process, as the commands see it. */
const surroundings: Surroundings = {
  target: () => readClientConfig(process.env),
  storage: () => readStorageConfig(process.env),
  server: () => readServerConfig(process.env),
  output,
  interrupt,
  serve: async () => {
    const { runServer } = await import('./cli/serve.ts')
    await runServer(process.env, readServerConfig(process.env), output(false))
  },
}

process.exitCode = await run(process.argv.slice(2))

/** Runs the command and returns its exit code: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted. */
async function run(args: string[]): Promise<Outcome | 143> {
  // Whoever reads the output, such as `head`, has seen enough.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  }
  const outcome = await runCommand(args, surroundings, (text) => {
    if (interrupted === undefined) process.stderr.write(text)
  })
  return outcome === 0 ? 0 : (interrupted ?? outcome)
}

function output(json: boolean): Output {
  return {
    json,
    columns: process.stdout.isTTY ? process.stdout.columns || 80 : undefined,
    print: (line) => process.stdout.write(`${line}\n`),
    remark: (line) => process.stderr.write(`${json ? line : styleText('dim', line, { stream: process.stderr })}\n`),
    paint: (format, text) => (json ? text : styleText(format, text, { stream: process.stdout })),
    progress: (label) => (process.stderr.isTTY && !json ? showProgress(process.stderr, label) : noProgress),
  }
}

/** The first Ctrl-C lets a command clean up, the second ends it. */
function interrupt(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      interrupted = signals[name]
      controller.abort()
      setTimeout(() => process.exit(signals[name]), graceMs).unref()
    })
  }
  return controller.signal
}
