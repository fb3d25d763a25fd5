import type { Command } from 'commander'
import type { ServerConfig } from '../config.ts'
import { count, modelName } from './arguments.ts'
import type { Output } from './output.ts'
import type { Add } from './program-operations.ts'

/** Runs a command with the settings of the server, and without one. */
type Alone = (
  command: Command,
  run: (output: Output, config: ServerConfig, signal: AbortSignal) => Promise<void>,
) => Promise<void>

export function addTestCommand(program: Command, add: Add, alone: Alone): void {
  add(program, 'test', 'have the examples of a contract answered, and say which answers are not as expected')
    .argument('<path>', 'the folder of a contract that has examples/*.yaml')
    .option('--model <provider/name>', 'ask this model; may be given several times, to compare them', modelName)
    .option('--method <glob>', 'only the examples of these methods: TriageTicket or Extract*')
    .option('--repeat <number>', 'how often each is answered', count, 1)
    .option('--concurrency <number>', 'how many are answered at once', count, 4)
    .option('--junit <file>', "write the results as JUnit's XML, for CI")
    .action((path: string, { model: models = [], method, repeat, concurrency, junit }, command: Command) =>
      alone(command, async (output, config, signal) => {
        const { test } = await import('./contract-test/command.ts')
        await test(output, config, { path, models, method, repeat, concurrency, junit }, signal)
      }),
    )
}
