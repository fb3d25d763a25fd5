import { styleText } from 'node:util'
import { Argument, Command, Option } from 'commander'
import type { ServerConfig } from '../config.ts'
import { contractArgument, milliseconds } from './arguments.ts'
import type { Shell } from './completion.ts'
import type { Target } from './connect.ts'
import { examples } from './examples.ts'
import type { Storage } from './migrate.ts'
import type { Output } from './output.ts'
import {
  type Add,
  addBatchCommand,
  addOperationCommands,
  addProjectCommands,
  addUsageCommand,
  type Remote,
} from './program-operations.ts'
import { addTestCommand } from './program-test.ts'
import { pathOf, UsageError } from './usage.ts'

/** What the grammar needs of the process around it. Settings are read when a command asks for them. */
export type Surroundings = {
  target(): Target
  storage(): Storage
  /** Those of the server, for what a command does in its stead. */
  server(): ServerConfig
  output(json: boolean): Output
  /** Ends a command that is interrupted. `serve` does not use it: it drains. */
  interrupt(): AbortSignal
  serve(): Promise<void>
}

/**
 * The grammar of `deed`. What a command does is imported when it runs: `--help` stays quick, and `serve` can load telemetry
 * before everything else. Throws what its commands throw, and a UsageError for wrong usage and when help was printed.
 */
export function createProgram(around: Surroundings): Command {
  const program = new Command('deed')
  program
    .description('gRPC services that are answered by AI models, behind typed contracts')
    // Errors are printed in one place, by whoever runs this.
    .configureOutput({ outputError: () => {}, writeErr: () => {} })
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => painted('bold', title) })
    .option('--json', 'print JSON: one document per line, on stderr too')
  finish(program, settings)

  /** Runs a command that calls a server. */
  const remote: Remote = async (command, run) => {
    const [output, target, signal] = [around.output(isJson(command)), around.target(), around.interrupt()]
    const { connect } = await import('./connect.ts')
    using connection = connect(target, signal)
    await run({ target, connection, output, signal })
  }

  const add: Add = (parent, name, description) => finish(parent.command(name).description(description))

  add(program, 'serve', 'run the server').action(() => around.serve())

  add(program, 'new', 'write a contract to start from into a new folder')
    .argument('<name>', 'of the folder; its last part names the package: mail, ticket-triage or acme.support')
    .action(async (name: string, _, command: Command) => {
      const { newContract } = await import('./new.ts')
      await newContract(around.output(isJson(command)), name)
    })

  add(program, 'publish', 'publish the services of a folder of .proto, or of an image of buf build, as contracts')
    .argument('<path>', 'a folder, or a file such as image.binpb')
    .option('--allow-breaking', 'publish although callers of the active version would break', false)
    .option('--validate-only', 'check, and publish nothing', false)
    .action((path: string, { allowBreaking, validateOnly }, command: Command) =>
      remote(command, async (context) => {
        const { publish } = await import('./publish.ts')
        await publish(context, { path, allowBreaking, validateOnly })
      }),
    )

  add(program, 'call', 'call a method of a published contract')
    .argument('<service/method>', 'for example acme.support.v1.TicketService/TriageTicket')
    .option(
      '-d, --data <request>',
      'the request in JSON or YAML, @FILE to read it from a file, - from stdin; of a method that takes several, a JSON array, JSON Lines or -d again',
      (value: string, before: readonly string[]) => [...before, value],
      [] as readonly string[],
    )
    .option('-i, --interactive', 'ask for the fields of the request, one by one', false)
    .option('--idempotency-key <key>', 'one key, one outcome: the same call later returns the same answer')
    .option('--wait', 'wait for the end of what a long-running method starts', false)
    .option('--deadline <time>', 'how long to wait: 90, 90s, 500ms or 2m', milliseconds, 120_000)
    .action((method: string, { data, interactive, idempotencyKey, wait, deadline }, command: Command) =>
      remote(command, async (context) => {
        const { call } = await import('./call.ts')
        await call(context, { method, data, interactive, idempotencyKey, wait, timeoutMs: deadline })
      }),
    )

  addBatchCommand(program, add, remote)

  addTestCommand(program, add, async (command, run) => {
    const [output, config, signal] = [around.output(isJson(command)), around.server(), around.interrupt()]
    await run(output, config, signal)
  })

  const contract = add(program, 'contract', 'see and manage the contracts of the project')
  add(contract, 'list', 'list the contracts').action((_, command: Command) =>
    remote(command, async (context) => (await import('./contract.ts')).listContracts(context)),
  )
  add(contract, 'show', 'print a contract as .proto, or what a model gets of it')
    .addArgument(contractArgument())
    .argument('[version]', 'the number of a version, else the active one')
    .option('--schema [method]', 'the JSON Schema of the answer that a model gets, of one method or of all')
    .option('--prompt [method]', 'what a model is told, with a request as an example')
    .action((name: string, version: string | undefined, { schema, prompt }, command: Command) =>
      remote(command, async (context) => {
        if (schema === undefined && prompt === undefined) {
          const { showContract } = await import('./contract-show.ts')
          await showContract(context, name, version)
        } else {
          const { showForModel } = await import('./contract-model.ts')
          await showForModel(context, name, version, { schema, prompt })
        }
      }),
    )
  add(contract, 'versions', 'list the versions of a contract, newest first')
    .addArgument(contractArgument())
    .action((name: string, _, command: Command) =>
      remote(command, async (context) => (await import('./contract.ts')).listVersions(context, name)),
    )
  add(contract, 'activate', 'have calls answered with an earlier or later version of a contract')
    .addArgument(contractArgument())
    .argument('[version]', 'its number, unless the name has it')
    .action((name: string, version: string | undefined, _, command: Command) =>
      remote(command, async (context) => (await import('./contract.ts')).activateVersion(context, name, version)),
    )
  add(contract, 'delete', 'take a contract out of service; its operations stay')
    .addArgument(contractArgument())
    .action((name: string, _, command: Command) =>
      remote(command, async (context) => (await import('./contract.ts')).deleteContract(context, name)),
    )

  addOperationCommands(add(program, 'operation', 'see what was asked and answered, wait, and change it'), add, remote)

  addProjectCommands(add(program, 'project', 'see projects, and set how much of the work they get'), add, remote)

  addUsageCommand(program, add, remote)

  const key = add(program, 'key', 'manage the API keys of the project')
  add(key, 'create', 'make a key; its secret is printed this once')
    .addOption(
      new Option('--role <role>', 'what its bearer may do')
        .choices(['admin', 'publisher', 'caller', 'viewer'])
        .makeOptionMandatory(),
    )
    .option('--display-name <text>', 'what it is for', '')
    .action(({ role, displayName }, command: Command) =>
      remote(command, async (context) => (await import('./key.ts')).createKey(context, { role, displayName })),
    )
  add(key, 'list', 'list the keys, newest first').action((_, command: Command) =>
    remote(command, async (context) => (await import('./key.ts')).listKeys(context)),
  )
  add(key, 'revoke', 'revoke a key: it is refused everywhere within a second')
    .argument('<id>', 'the id, with or without apiKeys/ before it')
    .action((id: string, _, command: Command) =>
      remote(command, async (context) => (await import('./key.ts')).revokeKey(context, id)),
    )

  add(program, 'health', 'say whether the server is serving; fails when it is not')
    .argument('[service]', 'readiness, liveness, or a service of Deed such as deed.v1.ContractService', '')
    .action((service: string, _, command: Command) =>
      remote(command, async (context) => (await import('./health.ts')).health(context, service)),
    )

  add(program, 'migrate', "bring the database to this release's schema, which the server does when it starts").action(
    async (_, command: Command) => {
      const [storage, output, signal] = [around.storage(), around.output(isJson(command)), around.interrupt()]
      const { runMigrations } = await import('./migrate.ts')
      await runMigrations(storage, output, signal)
    },
  )
  add(program, 'doctor', 'look into the database for what must not be; fails when something is wrong').action(
    async (_, command: Command) => {
      const [storage, output, signal] = [around.storage(), around.output(isJson(command)), around.interrupt()]
      const { runDoctor } = await import('./doctor.ts')
      await runDoctor(storage, output, signal)
    },
  )
  add(program, 'completion', 'print a script that completes deed in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: Shell, _, command: Command) => {
      const { completionScript } = await import('./completion.ts')
      around.output(isJson(command)).print(completionScript(shell, process.argv[1] ?? 'deed'))
    })
  // What those scripts ask. It says nothing rather than what went wrong, in the middle of a line that someone types.
  program
    .command('__complete', { hidden: true })
    .argument('<shell>')
    .argument('[words...]')
    .action(async (shell: Shell, words: string[]) => {
      const { complete } = await import('./complete.ts')
      const lines = await complete(program, shell, words, around.target)
      for (const line of lines) around.output(false).print(line)
    })
  return program
}

/** Gives a command its examples, and its name to errors about it. */
function finish(command: Command, more = ''): Command {
  const path = pathOf(command)
  return command
    .exitOverride((error) => {
      throw new UsageError(error, command)
    })
    .addHelpText('after', () => {
      const lines = (examples[path] ?? []).map((line) => `  ${line}`)
      return [`\n${painted('bold', 'Examples:')}`, ...lines, ...(more === '' ? [] : [more])].join('\n')
    })
}

/** Taken out again where stdout is no terminal. */
function painted(format: 'bold', text: string): string {
  return styleText(format, text, { validateStream: false })
}

const settings = `
Commands that call a server find it at DEED_ADDRESS
(127.0.0.1:50051) and show it the key in DEED_KEY, or the
one in admin.key in DEED_DATA_DIR (.deed), which the
server's first start writes.

With --json, each line of stdout and of stderr is one JSON
document; lists print one for each item.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage,
130 interrupted.`

function isJson(command: Command): boolean {
  return command.optsWithGlobals()['json'] === true
}
