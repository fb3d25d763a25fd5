import type { DescMessage, JsonValue } from '@bufbuild/protobuf'
import { LineCounter, parseDocument } from 'yaml'
import { isFreeForm } from '../models/schema.ts'
import { misuse } from './failure.ts'

/**
 * YAML 1.2 (core schema: dates stay text, `no` is no boolean) as JSON text of protobuf's mapping, in which integers beyond
 * 2^53 are strings and keep their digits. Throws a Failure (wrong usage) that says where the text is no YAML.
 */
export function yamlToJson(text: string, desc: DescMessage): string {
  const lines = new LineCounter()
  const refuse = (cause: string, at = 0) => {
    const { line, col } = lines.linePos(at)
    return misuse(
      `the request is not YAML: ${cause} at line ${Math.max(line, 1)} column ${Math.max(col, 1)}`,
      'write name: value, one field a line, or JSON',
    )
  }
  let value: unknown
  try {
    const options = { schema: 'core', intAsBigInt: true, stringKeys: true, uniqueKeys: true } as const
    const document = parseDocument(text, { ...options, lineCounter: lines, prettyErrors: false, logLevel: 'error' })
    const [fault] = [...document.errors, ...document.warnings]
    if (fault) throw refuse(fault.message.replace(/\s*\n.*|; please use .*/s, ''), fault.pos[0])
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    if (error instanceof Error && error.name === 'Failure') throw error
    throw refuse(
      error instanceof RangeError ? 'it is nested too deep' : String(error instanceof Error && error.message),
    )
  }
  if (value === null || value === undefined) throw misuse('the request is empty', 'write {} for one without fields')
  return JSON.stringify(plainJson(value, desc))
}

/**
 * What YAML was read as, with integers as bigint, as JSON. Follows the message as far as it goes, to know where any JSON may
 * stand. Throws a Failure (wrong usage) for a number that JSON would round, and for what holds itself by an alias.
 */
export function plainJson(value: unknown, desc: DescMessage | undefined): JsonValue {
  try {
    return plain(value, desc)
  } catch (error) {
    throw error instanceof RangeError ? misuse('the request is nested too deep, or holds itself by an alias') : error
  }
}

function plain(value: unknown, desc: DescMessage | undefined): JsonValue {
  if (typeof value === 'bigint') return integer(value, desc)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((item) => plain(item, desc))
  if (typeof value !== 'object' || value === null) return null
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner, memberOf(desc, key))]))
}

function memberOf(desc: DescMessage | undefined, key: string): DescMessage | undefined {
  if (desc === undefined || isFreeForm(desc)) return desc
  return desc.fields.find(({ name, jsonName }) => name === key || jsonName === key)?.message
}

function integer(value: bigint, desc: DescMessage | undefined): number | string {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  // In free JSON a string would be something else, and a number would be another one.
  if (!desc || !isFreeForm(desc)) return String(value)
  throw misuse(`the request has a number that JSON rounds: write it as a string, "${value}"`)
}
