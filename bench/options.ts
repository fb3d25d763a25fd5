import { parseArgs } from 'node:util'
import { misuse } from '../src/cli/failure.ts'

/** A whole number that a bench takes as `--name N`, with its bounds. */
export type NumberOption = { default: number; min: number; max: number }

/** What a bench was told. A text that was not given is undefined. */
export type Options<N extends string, T extends string> = Record<N, number> & Record<T, string | undefined>

/** Reads what stands behind the name of a bench. Throws a Failure of one line (exit code 2) when it is not as it has to be. */
export function readOptions<N extends string = never, T extends string = never>(
  args: readonly string[],
  numbers: Readonly<Record<N, NumberOption>>,
  texts: readonly T[] = [],
): Options<N, T> {
  const bounds = new Map<string, NumberOption>(Object.entries(numbers))
  const values = parse(args, [...bounds.keys(), ...texts], bounds)
  const entries = [...bounds].map(([name, bound]) => [name, numberOf(name, values[name], bound)] as const)
  const given = texts.map((name) => [name, textOf(name, values[name])] as const)
  return Object.fromEntries<unknown>([...entries, ...given]) as Options<N, T>
}

function parse(args: readonly string[], names: readonly string[], bounds: ReadonlyMap<string, NumberOption>) {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // A value that is missing, or that looks like an option itself, such as -5.
    const name = /^Option '--([\w-]+)/.exec(message)?.[1] ?? ''
    const bound = bounds.get(name)
    if (bound) throw misuse(`--${name} needs ${inWords(bound)}`)
    // The rest is advice on how to begin an argument with a dash.
    const [sentence = ''] = message.split(/\.(?:\s|$)/)
    throw misuse(sentence.charAt(0).toLowerCase() + sentence.slice(1))
  }
}

function numberOf(name: string, text: string | undefined, bound: NumberOption): number {
  if (text === undefined) return bound.default
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= bound.min && value <= bound.max) return value
  throw misuse(`--${name} needs ${inWords(bound)}, not ${JSON.stringify(text)}`)
}

function textOf(name: string, text: string | undefined): string | undefined {
  if (text === '') throw misuse(`--${name} needs a value`)
  return text
}

function inWords({ min, max }: NumberOption): string {
  return `a whole number from ${min} to ${max}`
}
