import { Argument, InvalidArgumentError } from 'commander'

// What options and arguments are read with.

export function contractArgument(): Argument {
  return new Argument(
    '<name>',
    'for example acme.support.v1.TicketService, also with contracts/ before or /versions/3 after',
  )
}

export function count(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 1 on.')
}

/** Another one to those that were given before. */
export function modelName(text: string, before: readonly string[] = []): readonly string[] {
  if (/^[a-z0-9-]+\/[A-Za-z0-9._:/-]+$/.test(text)) return [...before, text]
  throw new InvalidArgumentError('It must be provider/name, such as anthropic/claude-sonnet-5-5 or local/keywords.')
}

const factors: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 }

export function milliseconds(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,8}(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? []
  const value = Number(number) * (factors[unit] ?? Number.NaN)
  if (value >= 1 && value <= 86_400_000) return value
  throw new InvalidArgumentError('It must be a time such as 90, 90s, 500ms or 2m, up to a day.')
}

/** What idempotency keys begin with. The rest of a key is 60 characters at the most. */
export function keyPrefix(text: string): string {
  if (/^[A-Za-z0-9_.:/-]{0,150}$/.test(text)) return text
  throw new InvalidArgumentError('It may have 150 letters, digits and any of _ . : / - at the most.')
}

export function day(text: string): string {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(text)) return text
  throw new InvalidArgumentError('It must be a day such as 2026-01-31.')
}

/** What usage is told apart by, in this order. */
export const usageDimensions = ['contract', 'method', 'model', 'key', 'day'] as const
export type UsageDimensionName = (typeof usageDimensions)[number]

export function dimensions(text: string): UsageDimensionName[] {
  const names = text.split(',').map((name) => usageDimensions.find((each) => each === name.trim()))
  const known = names.filter((name) => name !== undefined)
  if (known.length === names.length && new Set(known).size === known.length) return known
  throw new InvalidArgumentError(`It must be of ${usageDimensions.join(', ')}, each once, with commas between.`)
}

export function weight(text: string): number {
  const value = /^\d{1,4}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN
  if (value >= 0.001 && value <= 1_000) return value
  throw new InvalidArgumentError('It must be a number from 0.001 to 1000.')
}

export function countOrNone(text: string): number | 'none' {
  if (text === 'none' || /^[1-9]\d{0,5}$/.test(text)) return text === 'none' ? text : Number(text)
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999, or none.')
}
