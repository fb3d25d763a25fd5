import {
  type DescMessage,
  fromBinary,
  fromJson,
  fromJsonString,
  type JsonValue,
  type Message,
  toBinary,
} from '@bufbuild/protobuf'
import { ValueSchema } from '@bufbuild/protobuf/wkt'
import { status } from '@grpc/grpc-js'
import { DeedError, type FieldViolation } from '../errors/deed-error.ts'
import { jsonFaults } from './json/faults.ts'
import { repeatsKey } from './json/keys.ts'
import type { Method } from './method.ts'
import { redactsWithin } from './redact.ts'
import { inputName } from './request-list.ts'
import { validateMessage } from './violations.ts'
import { wireFault } from './well-formed.ts'

/**
 * Decodes and validates a method's request. Unknown fields are kept in the message. Throws the DeedError REQUEST_MALFORMED when
 * the bytes are no such message, nested deeper than 100 or not UTF-8 where text is expected, and REQUEST_INVALID, with
 * every violation, when it breaks its contract's rules.
 */
export function decodeRequest(method: Pick<Method, 'input' | 'validator'>, bytes: Uint8Array): Message {
  const { input } = method
  const fault = wireFault(input, bytes)
  if (fault !== undefined) throw malformed(method, fault)
  const message = decode(method, bytes)
  const fieldViolations = validateMessage(method.validator, input, message)
  if (fieldViolations.length === 0) return message
  const count = fieldViolations.length === 1 ? 'a rule' : `${fieldViolations.length} rules`
  throw new DeedError(
    status.INVALID_ARGUMENT,
    'REQUEST_INVALID',
    `the ${inputName(input)} breaks ${count} of its contract`,
    { fieldViolations },
  )
}

function decode(method: Pick<Method, 'input'>, bytes: Uint8Array): Message {
  try {
    return fromBinary(method.input, bytes)
  } catch {
    throw malformed(method, 'the bytes do not decode')
  }
}

function malformed(method: Pick<Method, 'input'>, fault: string): DeedError {
  const message = `the request is not a ${inputName(method.input)}: ${fault}`
  return new DeedError(status.INVALID_ARGUMENT, 'REQUEST_MALFORMED', message)
}

/** What gRPC clients take, unless they are told otherwise. */
const maxMessageBytes = 4 * 1024 * 1024

/** An answer that keeps its contract, with its wire format, or all that is wrong with it. */
export type ParsedAnswer =
  | { kind: 'valid'; message: Message; bytes: Uint8Array }
  | { kind: 'invalid'; violations: FieldViolation[] }

/** Brings an answer into protobuf's JSON mapping, and says what would be lost by that. */
export type Convert = (desc: DescMessage, value: JsonValue) => { value: JsonValue; violations: FieldViolation[] }

/**
 * Reads an answer in protobuf's JSON mapping, or what `convert` makes into it, and validates it. Nothing is forgiven: text after
 * the JSON, a key given twice, unknown fields and enum values, two members of a oneof, dates that do not exist, half of a
 * surrogate pair. Nor may a message have more than 4 MiB.
 */
export function parseAnswer(method: Method, text: string, convert: Convert = asItIs): ParsedAnswer {
  return parseJson(method.output, method, text, convert)
}

/** The same for any message of a contract, such as a request. */
export function parseJson(
  desc: DescMessage,
  { registry, validator }: Pick<Method, 'registry' | 'validator'>,
  text: string,
  convert: Convert = asItIs,
): ParsedAnswer {
  const json = parse(text)
  if ('fault' in json) return invalid(json.fault)
  const { value, violations: lost } = convert(desc, json.value)
  const faults = jsonFaults(desc, value).filter(({ field }) => lost.every((fault) => fault.field !== field))
  if (lost.length + faults.length > 0) return { kind: 'invalid', violations: [...lost, ...faults] }
  try {
    // Parsed once more when a key is given twice: this throws, and says which.
    if (repeatsKey(text, json.value)) fromJsonString(ValueSchema, text)
    const message = fromJson(desc, value, { registry })
    const violations = validateMessage(validator, desc, message)
    if (violations.length > 0) return { kind: 'invalid', violations }
    const bytes = toBinary(desc, message)
    if (bytes.length > maxMessageBytes) return invalid(`has ${bytes.length} bytes; ${maxMessageBytes} is the most`)
    return { kind: 'valid', message, bytes }
  } catch (error) {
    // What is left for protobuf-es to find, such as a key that is given twice, it quotes.
    if (redactsWithin(desc)) return invalid('gives a key twice, or nests its values too deep')
    return invalid(error instanceof Error ? error.message.replace(/^cannot decode .* from JSON: /, '') : String(error))
  }
}

const asItIs: Convert = (_, value) => ({ value, violations: [] })

function invalid(description: string): ParsedAnswer {
  return { kind: 'invalid', violations: [{ field: '', description, reason: 'json' }] }
}

function parse(text: string): { value: JsonValue } | { fault: string } {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    // V8 quotes the text around the error, which may be redacted.
    const position = error instanceof Error ? /at position \d+/.exec(error.message)?.[0] : undefined
    return { fault: `is not one JSON value${position ? ` (${position})` : ''}` }
  }
}
