import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from '@bufbuild/protobuf'
import type { Method } from '../contracts/method.ts'
import { isFreeForm, isProtoJson, isWellKnown, type JsonSchema, responseSchema } from './schema.ts'

/**
 * A response in the form of responseSchema, as a model would write it: maps as lists of entries, free JSON and messages
 * that the schema does not spell out as JSON text. toProtoJson (proto-json.ts) undoes it.
 */
export function toModelJson(method: Method, message: Message): JsonValue {
  const json = toJson(method.output, message, { registry: method.registry, alwaysEmitImplicit: true })
  return isProtoJson(method) ? json : ofMessage(method.output, json, responseSchema(method))
}

function ofMessage(desc: DescMessage, json: JsonValue, schema: JsonSchema | undefined): JsonValue {
  if (isFreeForm(desc)) return JSON.stringify(json)
  if (isWellKnown(desc) || !isObject(json)) return json
  // Here the schema says no more of what is inside.
  if (schema?.type !== 'object') return JSON.stringify(json)
  const fields = new Map(desc.fields.map((field) => [field.jsonName, field]))
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      const field = fields.get(key)
      return [key, field ? ofField(field, value, schema.properties?.[key]) : value]
    }),
  )
}

function ofField(field: DescField, json: JsonValue, schema: JsonSchema | undefined): JsonValue {
  const one = (value: JsonValue, part: JsonSchema | undefined) =>
    field.message ? ofMessage(field.message, value, part) : value
  if (field.fieldKind === 'map' && isObject(json)) {
    const part = schema?.items?.properties?.['value']
    return Object.entries(json).map(([key, value]) => ({ key, value: one(value, part) }))
  }
  if (field.fieldKind === 'list' && Array.isArray(json)) return json.map((item) => one(item, schema?.items))
  return one(json, schema)
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
