#!/usr/bin/env node
import { styleText } from 'node:util'
import { CommanderError } from 'commander'
import { Failure, misuse, printFailure } from './cli/failure.ts'
import type { Output } from './cli/output.ts'
import { createProgram } from './cli/program.ts'
import { readClientConfig, readServerConfig, readStorageConfig } from './config.ts'

// Nothing else is imported here: the command that runs says what it needs.

process.exitCode = await run(process.argv.slice(2))

/** Runs the command and returns its exit code: 0 done, 1 refused or failed, 2 wrong usage. */
async function run(args: string[]): Promise<0 | 1 | 2> {
  // Whoever reads the output, such as `head`, has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  try {
    await program().parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    return fail(error, args.includes('--json'))
  }
}

function fail(error: unknown, json: boolean): 0 | 1 | 2 {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    // A group without its command: its help is printed.
    if (error.code === 'commander.help') return 2
    return fail(
      misuse(
        error.message.replace(/^error: /, '').replaceAll('\n', ' '),
        '"npx deed --help" shows the commands, "npx deed COMMAND --help" one of them',
      ),
      json,
    )
  }
  process.stderr.write(printFailure(error, json))
  return error instanceof Failure ? error.exitCode : 1
}

function program() {
  return createProgram({
    target: () => readClientConfig(process.env),
    storage: () => readStorageConfig(process.env),
    output,
    interrupt,
    serve: async () => {
      const { runServer } = await import('./cli/serve.ts')
      await runServer(process.env, readServerConfig(process.env))
    },
  })
}

function output(json: boolean): Output {
  return {
    json,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    print: (line) => process.stdout.write(`${line}\n`),
    remark: (line) => process.stderr.write(`${json ? line : styleText('dim', line, { stream: process.stderr })}\n`),
  }
}

/** The first Ctrl-C lets a command clean up, the second ends it. */
function interrupt(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  return controller.signal
}
