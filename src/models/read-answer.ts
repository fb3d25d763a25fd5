import { fromJsonString, type JsonValue } from '@bufbuild/protobuf'
import { ValueSchema } from '@bufbuild/protobuf/wkt'
import { type ParsedAnswer, parseAnswer } from '../contracts/codec.ts'
import type { Method } from '../contracts/method.ts'
import { toProtoJson } from './proto-json.ts'
import { isProtoJson } from './schema.ts'

/**
 * Reads what a model wrote, in the form of responseSchema, and validates it. A code fence around the whole is forgiven (models
 * without structured outputs like them), and nothing else.
 */
export function readAnswer(method: Method, text: string): ParsedAnswer {
  const json = /^\s*```(?:json)?\n(.*)\n```\s*$/s.exec(text)?.[1] ?? text
  if (isProtoJson(method)) return parseAnswer(method, json)
  const converted = convert(method, json)
  // What is no JSON, or cannot survive the conversion, is left for the parser to say what is wrong with it.
  if (converted === undefined) return parseAnswer(method, json)
  if (converted.violations.length > 0) return { kind: 'invalid', violations: converted.violations }
  return parseAnswer(method, JSON.stringify(converted.value))
}

function convert(method: Method, json: string): ReturnType<typeof toProtoJson> | undefined {
  try {
    // Only this notices a key that is given twice, and it bounds the depth.
    fromJsonString(ValueSchema, json)
    return toProtoJson(method.output, JSON.parse(json, finite))
  } catch {
    return undefined
  }
}

/** JSON.stringify would write a number that is out of range as null. */
function finite(_key: string, value: JsonValue): JsonValue {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError()
  return value
}
