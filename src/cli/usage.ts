import { type Command, CommanderError } from 'commander'
import { misuse } from './failure.ts'

/** What commander has against an invocation, with the command that it was. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly error: CommanderError
  readonly command: Command

  constructor(error: CommanderError, command: Command) {
    super(error.message, { cause: error })
    this.error = error
    this.command = command
  }
}

/**
 * What to print for what a program threw: undefined when it is done (its help was asked for), the help itself when nothing
 * was asked for at all, a Failure of one line for wrong usage, and everything else as it is.
 */
export function readUsage(thrown: unknown, json: boolean): unknown {
  if (thrown instanceof CommanderError) return misuse(cleaned(thrown.message), helpHint('deed'))
  if (!(thrown instanceof UsageError)) return thrown
  const { error, command } = thrown
  if (error.exitCode === 0) return undefined
  const path = pathOf(command)
  if (error.code !== 'commander.help') return misuse(cleaned(error.message), helpHint(path))
  if (command.parent === null && !json) return command.helpInformation({ error: true })
  const names = command.commands.map((each) => each.name()).filter((name) => !name.startsWith('_'))
  return misuse(`"${path}" needs a command: ${names.join(', ')}`, helpHint(path))
}

/** `deed contract show` */
export function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

function helpHint(path: string): string {
  return `"npx ${path} --help" shows ${path.includes(' ') ? 'how it is used' : 'the commands'}`
}

function cleaned(message: string): string {
  return message.replace(/^error: /, '').replaceAll('\n', ' ')
}
