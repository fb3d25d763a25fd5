import { type DescEnum, type DescField, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf'
import { isWrapperDesc } from '@bufbuild/protobuf/wkt'
import { commentOf } from '../contracts/comments.ts'
import { scalarFault } from '../contracts/json/scalar.ts'
import { wellKnownCheck } from '../contracts/json/well-known.ts'
import { isFreeForm } from '../models/schema.ts'
import { misuse } from './failure.ts'
import type { Prompts } from './prompts.ts'

/** Asks for a value that is no message of its own fields. Undefined when it is left empty. */
export async function askSingle(
  prompts: Prompts,
  field: DescField,
  before: JsonValue | undefined,
  name: string,
): Promise<JsonValue | undefined> {
  const { message } = field
  if (field.enum) return askEnum(prompts, field.enum, before, name)
  const scalar = field.scalar ?? (message && isWrapperDesc(message) ? message.fields[0]?.scalar : undefined)
  if (scalar === ScalarType.BOOL) return askBoolean(prompts, before, name)
  if (message && isFreeForm(message)) {
    const check = wellKnownCheck(message)
    const earlier = before === undefined ? '' : JSON.stringify(before)
    const text = await prompts.line(`${name} (JSON)`, earlier, (given) => {
      const parsed = parse(given)
      return given === '' ? undefined : parsed === undefined ? 'must be JSON' : check?.(parsed)
    })
    return text === '' ? undefined : parse(text)
  }
  const check = message ? wellKnownCheck(message) : undefined
  const fault = (text: string) => (scalar === undefined ? check?.(text) : scalarFault(scalar, text))
  const type = scalar === undefined ? (message?.name ?? '') : typeText(scalar)
  const text = await prompts.line(`${name} (${type})`, textOf(before), (given) =>
    given === '' ? undefined : fault(given),
  )
  // The JSON mapping takes numbers as text as well, and 64-bit ones in no other way.
  return text === '' ? undefined : text
}

/** `string`, `int64`, `bytes in base64` */
export function typeText(type: ScalarType): string {
  return type === ScalarType.BYTES ? 'bytes in base64' : (ScalarType[type] ?? 'text').toLowerCase()
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Neither true nor false is what one gets by pressing Enter. */
async function askBoolean(prompts: Prompts, before: JsonValue | undefined, name: string): Promise<boolean | undefined> {
  const choices = [
    { value: '', name: '(not set)' },
    { value: 'true', name: 'true' },
    { value: 'false', name: 'false' },
  ]
  const chosen = await prompts.choose(name, choices, before === undefined ? undefined : String(before))
  return chosen === '' ? undefined : chosen === 'true'
}

async function askEnum(
  prompts: Prompts,
  desc: DescEnum,
  before: JsonValue | undefined,
  name: string,
): Promise<JsonValue | undefined> {
  const values = desc.values.map((value) => {
    const comment = commentOf(value).replaceAll('\n', ' ')
    return { value: value.name, name: value.name, ...(comment !== '' && { description: comment }) }
  })
  if (values.length === 0) throw misuse(`${desc.typeName} has no value to choose`)
  const none = { value: '', name: '(not set)' }
  const chosen = await prompts.choose(`${name} (${desc.name})`, [none, ...values], textOf(before) || undefined)
  return chosen === '' ? undefined : chosen
}

function textOf(value: JsonValue | undefined): string {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
