import { type DescField, type DescMessage, getOption, hasOption, type JsonValue, toJson } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt'
import {
  FieldRulesSchema,
  MessageRulesSchema,
  message as messageRules,
  oneof as oneofRules,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Method } from '../contracts/method.ts'
import { FORMATS, isWellKnown, MAX_OPTIONAL_PROPERTIES, optionalProperties, responseSchema } from './schema.ts'
import { describeRules, rulesOf } from './schema-text.ts'

/** A rule that vendors' schemas cannot hold: a model reads it in a description, and the answer is checked against it. */
export type SchemaNote = {
  /** A path of properties in the schema: `lines[].price`; empty for the response itself. */
  path: string
  /** `min len 3`, or the message of a CEL rule. */
  rule: string
}

/**
 * What of the rules of a method's response stands in the descriptions of its schema alone, by path, in the order of the
 * fields. Each message type is told of once, where it is met first.
 */
export function schemaNotes(method: Method): SchemaNote[] {
  const left = optionalProperties(responseSchema(method))
  const whole = `has ${left} properties that may be left out; Claude takes ${MAX_OPTIONAL_PROPERTIES}, so it is told the schema in its prompt`
  return [
    ...(left > MAX_OPTIONAL_PROPERTIES ? [{ path: '', rule: whole }] : []),
    ...messageNotes(method, method.output, '', new Set()),
  ]
}

function messageNotes(method: Method, desc: DescMessage, path: string, told: Set<DescMessage>): SchemaNote[] {
  if (told.has(desc) || isWellKnown(desc)) return []
  told.add(desc)
  const rules = hasOption(desc, messageRules) ? toJson(MessageRulesSchema, getOption(desc, messageRules)) : {}
  const own = [
    ...desc.oneofs.map((oneof) => {
      const names = oneof.fields.map(({ jsonName }) => jsonName).join(', ')
      const required = hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required
      return `${required ? 'exactly' : 'at most'} one of ${names}`
    }),
    ...describeRules(rules),
  ]
  return [
    ...own.map((rule) => ({ path, rule })),
    ...desc.fields.flatMap((field) =>
      fieldNotes(method, field, path === '' ? field.jsonName : `${path}.${field.jsonName}`, told),
    ),
  ]
}

function fieldNotes(method: Method, field: DescField, path: string, told: Set<DescMessage>): SchemaNote[] {
  const rules = rulesOf(field)
  const json = rules ? toJson(FieldRulesSchema, rules, { registry: method.registry }) : {}
  const left = describeRules(notCarried(json, field.presence === Presence.EXPLICIT && !field.oneof))
  const inner = field.fieldKind === 'list' ? `${path}[]` : field.fieldKind === 'map' ? `${path}[].value` : path
  return [
    ...left.map((rule) => ({ path, rule })),
    ...(field.message ? messageNotes(method, field.message, inner, told) : []),
  ]
}

/** Rules without those that schema.ts puts into the schema: what must be there, the values of strings and enums, formats. */
function notCarried(rules: JsonValue, carriesRequired: boolean): JsonValue {
  if (!isObject(rules)) return rules
  return Object.fromEntries(
    Object.entries(rules).flatMap(([name, value]): [string, JsonValue][] => {
      if (name === 'required' && carriesRequired) return []
      if (!isObject(value)) return [[name, value]]
      if (name === 'enum') return without(name, value, (key) => ['const', 'in', 'notIn', 'definedOnly'].includes(key))
      if (name === 'string') return without(name, value, (key) => key === 'const' || key === 'in' || FORMATS.has(key))
      if (name === 'repeated') return [[name, withInner(value, 'items')]]
      return [[name, name === 'map' ? withInner(value, 'values') : value]]
    }),
  )
}

function without(
  name: string,
  rules: Record<string, JsonValue>,
  carried: (key: string) => boolean,
): [string, JsonValue][] {
  return [[name, Object.fromEntries(Object.entries(rules).filter(([key]) => !carried(key)))]]
}

function withInner(rules: Record<string, JsonValue>, key: 'items' | 'values'): JsonValue {
  const inner = rules[key]
  return inner === undefined ? rules : { ...rules, [key]: notCarried(inner, false) }
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
