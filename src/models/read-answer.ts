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
  // A member of a oneof that is null is undone like a deviation.
  const asItIs = isProtoJson(method) && !json.includes('null')
  return asItIs ? parseAnswer(method, json) : parseAnswer(method, json, toProtoJson)
}
