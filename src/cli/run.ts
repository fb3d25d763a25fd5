import { Failure, printFailure } from './failure.ts'
import { createProgram, type Surroundings } from './program.ts'
import { readUsage } from './usage.ts'

/** 0: done. 1: refused or failed. 2: wrong usage. 130: Ctrl-C while a prompt waited, where it is a key and not a signal. */
export type Outcome = 0 | 1 | 2 | 130

/** Runs one command. What it ends with, when it does not end well, goes to `complain`: text for stderr, with its line ends. */
export async function runCommand(
  args: readonly string[],
  around: Surroundings,
  complain: (text: string) => void,
): Promise<Outcome> {
  try {
    await createProgram(around).parseAsync(args, { from: 'user' })
    return 0
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'ExitPromptError') return 130
    const json = args.includes('--json')
    const error = readUsage(thrown, json)
    if (error === undefined) return 0
    complain(typeof error === 'string' ? error : printFailure(error, json))
    if (typeof error === 'string') return 2
    return error instanceof Failure ? error.exitCode : 1
  }
}
