import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from '@bufbuild/protobuf'
import type { Method } from '../contracts/method.ts'
import { isFreeForm, isWellKnown, type JsonSchema, responseSchema } from './schema.ts'

/**
 * A response, or an item of a stream, in the form of responseSchema, as a model that makes no mistake would answer: what readAnswer reads back as the
 * same message. All that has no presence of its own is written out, since the schema requires it.
 */
export function toModelJson(method: Method, message: Message): JsonValue {
  const json = toJson(method.output, message, { registry: method.registry, alwaysEmitImplicit: true })
  const schema = responseSchema(method)
  return fromMessage(
    method.output,
    json,
    method.shape === 'server_streaming' ? schema.properties?.['items']?.items : schema,
  )
}

/** Without a schema: within JSON text, where messages are spelt out however deep they go. */
function fromMessage(desc: DescMessage, json: JsonValue, schema: JsonSchema | undefined): JsonValue {
  if (isFreeForm(desc)) return JSON.stringify(json)
  if (isWellKnown(desc) || !isObject(json)) return json
  if (schema?.type === 'string') return JSON.stringify(fromMessage(desc, json, undefined))
  const members = desc.fields
    .filter(({ jsonName }) => Object.hasOwn(json, jsonName))
    .map((field) => [
      field.jsonName,
      fromField(field, json[field.jsonName] ?? null, schema?.properties?.[field.jsonName]),
    ])
  return Object.fromEntries(members)
}

function fromField(field: DescField, json: JsonValue, schema: JsonSchema | undefined): JsonValue {
  const one = (value: JsonValue, form: JsonSchema | undefined): JsonValue =>
    field.message ? fromMessage(field.message, value, form) : value
  if (field.fieldKind === 'map' && isObject(json)) {
    const form = schema?.items?.properties?.['value']
    return Object.entries(json).map(([key, value]) => ({ key, value: one(value, form) }))
  }
  if (field.fieldKind === 'list' && Array.isArray(json)) return json.map((item) => one(item, schema?.items))
  return one(json, schema)
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
