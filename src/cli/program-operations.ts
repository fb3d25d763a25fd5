import { Argument, type Command, Option } from 'commander'
import { count, countOrNone, day, dimensions, keyPrefix, milliseconds, weight } from './arguments.ts'
import type { CommandContext } from './command.ts'

// The part of the grammar that is about work that was accepted.

/** Adds a command to another one. */
export type Add = (parent: Command, name: string, description: string) => Command
/** Runs a command that calls a server. */
export type Remote = (command: Command, run: (context: CommandContext) => Promise<void>) => Promise<void>

export function addOperationCommands(operation: Command, add: Add, remote: Remote): void {
  add(operation, 'list', 'list operations, newest first')
    .option('--contract <name>', 'only of this contract')
    .option('--method <name>', 'only of this method: TriageTicket, or with its service before a slash')
    .addOption(
      new Option('--state <state>', 'only in this state').choices([
        'ready',
        'waiting',
        'running',
        'succeeded',
        'failed',
        'cancelled',
      ]),
    )
    .option('--filter <filter>', 'only those that match: state = FAILED AND accept_time >= "2026-01-31T00:00:00Z"')
    .option('--oldest-first', 'list the oldest first', false)
    .option('--limit <number>', 'how many at the most', count, 20)
    .action(({ contract, method, state, filter, oldestFirst, limit }, command: Command) =>
      remote(command, async (context) => {
        const { listOperations } = await import('./operation.ts')
        await listOperations(context, { contract, method, state, filter, oldestFirst, limit })
      }),
    )
  add(operation, 'get', 'show an operation: request, result, completions')
    .argument('<id>', 'the id, with or without operations/ before it')
    .action((id: string, _, command: Command) =>
      remote(command, async (context) => (await import('./operation.ts')).getOperation(context, id)),
    )
  add(operation, 'wait', 'wait for the end of operations, and print what each was answered with')
    .addArgument(idsArgument())
    .option('--timeout <time>', 'how long to wait: 90, 90s, 500ms or 2m', milliseconds, 120_000)
    .action((ids: string[], { timeout }, command: Command) =>
      remote(command, async (context) => (await import('./operation-wait.ts')).waitOperations(context, ids, timeout)),
    )
  add(operation, 'watch', 'print a line whenever an operation is accepted or ends, until interrupted')
    .option('--filter <filter>', 'only of those that match, as in deed operation list', '')
    .option('--resume-token <token>', 'go on behind the change that had this token with --json', '')
    .action(({ filter, resumeToken }, command: Command) =>
      remote(command, async (context) => {
        const { watchOperations } = await import('./operation-watch.ts')
        await watchOperations(context, { filter, resumeToken })
      }),
    )
  add(operation, 'cancel', 'cancel operations that have not ended')
    .addArgument(idsArgument())
    .action((ids: string[], _, command: Command) =>
      remote(command, async (context) => (await import('./operation-change.ts')).cancelOperations(context, ids)),
    )
  add(operation, 'retry', 'have operations that ended done once more, as new ones')
    .addArgument(idsArgument())
    .option('--idempotency-key <key>', 'one key, one retry: the same command later prints the same name')
    .action((ids: string[], { idempotencyKey }, command: Command) =>
      remote(command, async (context) => {
        const { retryOperations } = await import('./operation-change.ts')
        await retryOperations(context, ids, idempotencyKey)
      }),
    )
  add(operation, 'delete', 'delete operations that ended, with what was asked and answered')
    .addArgument(idsArgument())
    .action((ids: string[], _, command: Command) =>
      remote(command, async (context) => (await import('./operation-change.ts')).deleteOperations(context, ids)),
    )
}

export function addBatchCommand(program: Command, add: Add, remote: Remote): void {
  add(program, 'batch', 'have each line of a file answered; ended at any time and started again, it goes on')
    .argument('<service/method>', 'for example acme.support.v1.TicketService/TriageTicket')
    .argument('<file>', 'one request in JSON a line')
    .option('--output <file>', 'where the results go, else FILE.results.jsonl beside the file')
    .option('--key-prefix <prefix>', 'what the idempotency key of each line begins with', keyPrefix, 'batch-')
    .option('--concurrency <number>', 'how many are unfinished at once at the most', count, 1_000)
    .option('--retry-failed', 'have the lines that failed done again', false)
    .action((method: string, file: string, options, command: Command) => {
      const { output, keyPrefix, concurrency, retryFailed } = options
      return remote(command, async (context) => {
        const { batch } = await import('./batch.ts')
        await batch(context, { method, file, output, keyPrefix, concurrency, retryFailed })
      })
    })
}

export function addProjectCommands(project: Command, add: Add, remote: Remote): void {
  add(project, 'list', 'list the projects that the key may see').action((_, command: Command) =>
    remote(command, async (context) => (await import('./project.ts')).listProjects(context)),
  )
  add(project, 'get', 'show a project')
    .argument('<name>', 'with or without projects/ before it')
    .action((name: string, _, command: Command) =>
      remote(command, async (context) => (await import('./project.ts')).getProject(context, name)),
    )
  add(project, 'set', 'set how much of the work a project gets')
    .argument('<name>', 'with or without projects/ before it')
    .option('--weight <number>', 'its share beside other projects that have work to do', weight)
    .option('--max-running <number>', 'how many of its operations run at once, or none for no limit', countOrNone)
    .action((name: string, { weight, maxRunning }, command: Command) =>
      remote(command, async (context) => {
        const { setProject } = await import('./project.ts')
        await setProject(context, name, { weight, maxRunning })
      }),
    )
}

export function addUsageCommand(program: Command, add: Add, remote: Remote): void {
  add(program, 'usage', 'show what completions consumed and cost')
    .option('--from <day>', 'the first day to count, in UTC: 2026-01-31', day)
    .option('--to <day>', 'the last day to count', day)
    .option('--by <list>', 'what to tell apart: contract, method, model, key, day', dimensions, ['method', 'model'])
    .action(({ from, to, by }, command: Command) =>
      remote(command, async (context) => (await import('./usage-table.ts')).showUsage(context, { from, to, by })),
    )
}

function idsArgument(): Argument {
  return new Argument('<id...>', 'ids, with or without operations/ before them')
}
