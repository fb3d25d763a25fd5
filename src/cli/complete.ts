import type { Command, Option } from 'commander'
import { type Candidates, contractNames, methodNames, operationIds, projectNames } from './complete-names.ts'
import type { Shell } from './completion.ts'
import type { Target } from './connect.ts'

const none: Candidates = { kind: 'values', values: [] }
const data: Candidates = { kind: 'data', values: [] }

/**
 * What may stand for the last of the words of a command line, as lines for the script of a shell: what kind it is (see
 * completion.ts), then the values, with a tab and what they mean where the shell shows that. Never throws.
 */
export async function complete(
  program: Command,
  shell: Shell,
  words: readonly string[],
  target: () => Target,
): Promise<string[]> {
  const found = await candidates(program, words, target).catch(() => none)
  const lines = found.values.map(({ value, help }) => (shell === 'bash' ? value : `${value}\t${help}`))
  return [found.kind, ...lines]
}

async function candidates(program: Command, words: readonly string[], target: () => Target): Promise<Candidates> {
  // bash takes --option=value apart, and what follows an @.
  const isBreak = (word: string | undefined) => word === '=' || word === '@'
  const last = words.at(-1) ?? ''
  const typed = isBreak(last) ? '' : last
  const before = words.slice(0, -1).filter((word) => !isBreak(word))
  const { command, given, open } = follow(program, before)
  if (open) return matching(await valuesOf(open, typed, given, target), typed)
  const [, name, value] = /^(--[^=]+)=(.*)$/s.exec(typed) ?? []
  const assigned = name === undefined ? undefined : optionsOf(command).find((option) => option.long === name)
  if (assigned && value !== undefined) {
    const { kind, values } = await valuesOf(assigned, value, given, target)
    return matching({ kind, values: values.map((each) => ({ ...each, value: `${name}=${each.value}` })) }, typed)
  }
  if (typed.startsWith('-')) return matching(optionNames(command), typed)
  const commands = command.commands.filter((each) => !each.name().startsWith('_'))
  if (commands.length > 0 && given.length === 0) {
    const values = commands.map((each) => ({ value: each.name(), help: each.description() }))
    return matching({ kind: 'values', values }, typed)
  }
  return matching(await argumentsOf(command, given.length, typed, target), typed)
}

/** Which command the words lead to, the arguments that it was given, and the option that waits for its value. */
function follow(program: Command, words: readonly string[]) {
  let command = program
  let open: Option | undefined
  const given: string[] = []
  for (const word of words) {
    if (open) {
      open = undefined
    } else if (word.startsWith('-') && word !== '-') {
      const option = optionsOf(command).find(({ long, short }) => long === word || short === word)
      // One whose value may be missing takes what follows, but only a value can follow it.
      if (option?.required || option?.optional) open = option
    } else {
      const next = given.length === 0 ? command.commands.find((each) => each.name() === word) : undefined
      if (next) command = next
      else given.push(word)
    }
  }
  return { command, given, open }
}

function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...(command.parent ? optionsOf(command.parent) : [])]
}

function optionNames(command: Command): Candidates {
  const values = optionsOf(command)
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description }) => ({ value: long ?? short ?? '', help: description }))
  return { kind: 'values', values: [...values, { value: '--help', help: 'display help for command' }] }
}

async function valuesOf(
  option: Option,
  typed: string,
  given: readonly string[],
  target: () => Target,
): Promise<Candidates> {
  if (option.argChoices) return { kind: 'values', values: option.argChoices.map((value) => ({ value, help: '' })) }
  if (option.long === '--data') return /^[{[-]/.test(typed) ? none : data
  if (option.long === '--output' || option.long === '--junit') return { kind: 'files', values: [] }
  if (option.long === '--contract') return contractNames(target())
  if (option.long !== '--schema' && option.long !== '--prompt') return none
  const { values } = await methodNames(target(), `${given[0] ?? ''}/`)
  return { kind: 'values', values: values.map(({ value, help }) => ({ value: value.replace(/.*\//, ''), help })) }
}

async function argumentsOf(command: Command, index: number, typed: string, target: () => Target): Promise<Candidates> {
  const last = command.registeredArguments.at(-1)
  const argument = command.registeredArguments[index] ?? (last?.variadic ? last : undefined)
  if (!argument) return none
  if (argument.argChoices) return { kind: 'values', values: argument.argChoices.map((value) => ({ value, help: '' })) }
  const name = `${command.parent?.name()} ${command.name()} ${argument.name()}`
  if (name === 'deed publish path') return { kind: 'files', values: [] }
  if (name === 'deed new name') return { kind: 'folders', values: [] }
  if (name === 'deed test path') return { kind: 'folders', values: [] }
  if (name === 'deed batch file') return { kind: 'files', values: [] }
  if (argument.name() === 'service/method') return methodNames(target(), typed)
  if (command.parent?.name() === 'contract' && argument.name() === 'name') return contractNames(target())
  if (command.parent?.name() === 'operation' && argument.name() === 'id') {
    return operationIds(target(), ['wait', 'cancel'].includes(command.name()))
  }
  if (command.parent?.name() === 'project' && argument.name() === 'name') return projectNames(target())
  if (name === 'deed health service') {
    return { kind: 'values', values: ['readiness', 'liveness'].map((value) => ({ value, help: '' })) }
  }
  return none
}

function matching({ kind, values }: Candidates, typed: string): Candidates {
  return { kind, values: values.filter(({ value }) => value.startsWith(typed)) }
}
