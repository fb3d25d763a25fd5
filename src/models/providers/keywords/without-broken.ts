import { type DescMessage, fromJson, type JsonObject, type JsonValue, type Message } from '@bufbuild/protobuf'
import type { Violation } from '@bufbuild/protovalidate'
import type { Method } from '../../../contracts/method.ts'

/**
 * Takes out of a message what breaks the rules of its own field, since that was no evidence. `valid` is whether what is left
 * keeps the message's rules: it does not where a required field is missing, or a rule over several fields is broken.
 */
export function withoutBroken(
  method: Method,
  desc: DescMessage,
  json: JsonObject,
): { json: JsonObject; valid: boolean } {
  const broken = violations(method, desc, json)
  if (broken.length === 0) return { json, valid: true }
  const kept = removed(json, broken)
  return { json: kept, valid: violations(method, desc, kept).length === 0 }
}

function violations(method: Method, desc: DescMessage, json: JsonObject): readonly Pick<Violation, 'field'>[] {
  const message = parsed(method, desc, json)
  if (!message) return [{ field: [] }]
  const result = method.validator.validate(desc, message)
  if (result.kind === 'valid') return []
  return result.kind === 'invalid' ? result.violations : [{ field: [] }]
}

/** Undefined for a value that its type does not hold, such as a Timestamp after the year 9999. */
function parsed(method: Method, desc: DescMessage, json: JsonObject): Message | undefined {
  try {
    return fromJson(desc, json, { registry: method.registry })
  } catch {
    return undefined
  }
}

function removed(json: JsonObject, broken: readonly Pick<Violation, 'field'>[]): JsonObject {
  const kept = { ...json }
  const elements = new Map<string, Set<number>>()
  for (const { field: path } of broken) {
    const [field, element] = path
    if (field?.kind !== 'field') continue
    if (element?.kind === 'list_sub') {
      elements.set(field.jsonName, (elements.get(field.jsonName) ?? new Set()).add(element.index))
    } else if (element?.kind === 'map_sub') {
      kept[field.jsonName] = withoutKey(kept[field.jsonName], String(element.key))
    } else {
      delete kept[field.jsonName]
    }
  }
  for (const [name, indexes] of elements) {
    const list = kept[name]
    if (Array.isArray(list)) kept[name] = list.filter((_, index) => !indexes.has(index))
  }
  return kept
}

function withoutKey(map: JsonValue | undefined, key: string): JsonValue {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return {}
  return Object.fromEntries(Object.entries(map).filter(([name]) => name !== key))
}
