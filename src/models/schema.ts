import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf'
import { ScalarType } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt'
import { type FieldRules, Ignore } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Method } from '../contracts/method.ts'
import { describeEnum, describeField, describeMessage, elementRules, rulesOf, sparesZero } from './schema-text.ts'

/** The part of JSON Schema that vendors' structured outputs accept: no bounds, no unions, no recursion, no open objects. */
export type JsonSchema = {
  type: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null'
  description?: string
  format?: string
  enum?: string[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: false
  items?: JsonSchema
}

/** How often one message type may contain itself before it goes on as JSON text: the most that keeps the limit below. */
const RECURSION_LEVELS = [3, 2, 1]
/**
 * Structured outputs refuse a schema with more properties that may be left out:
 * https://platform.claude.com/docs/en/build-with-claude/structured-outputs
 */
export const MAX_OPTIONAL_PROPERTIES = 24
/** Messages that would take the schema past this number of properties go on as JSON text too. */
const MAX_PROPERTIES = 400

type Form = { schema: JsonSchema; deviates: boolean }

const cache = new WeakMap<Method, Form>()

/**
 * The form in which a model answers a method: protobuf's JSON mapping of the response message, with three deviations that
 * toProtoJson (proto-json.ts) undoes, because structured outputs refuse recursion and properties that are not listed:
 *
 * - a map is an array of `{key, value}`
 * - Struct, Value, ListValue and Any are a string that holds JSON text
 * - a message that contains itself is spelt out up to three levels deep; below, it is a string that holds its JSON text
 *
 * Required is what has a zero value to fall back on (implicit presence, repeated, map) or must be there by rule; what has
 * explicit presence (optional, oneof members, messages, wrappers) may be left out. Bounds and CEL rules stand in the
 * descriptions, so that the model knows them; protovalidate enforces them afterwards. A method that returns a stream is answered
 * with `{"items": […]}`. Made once per method.
 */
export function responseSchema(method: Method): JsonSchema {
  return formOf(method).schema
}

/** Whether answers of a method are protobuf's JSON mapping as they are: its schema has none of the three deviations. */
export function isProtoJson(method: Method): boolean {
  return !formOf(method).deviates
}

function formOf(method: Method): Form {
  let form = cache.get(method)
  if (!form) {
    const forms = RECURSION_LEVELS.map((levels) => {
      const builder = new SchemaBuilder(method, levels)
      const schema = builder.message(method.output, [])
      return { schema: method.shape === 'server_streaming' ? listOf(schema) : schema, deviates: builder.deviates }
    })
    form = forms.find(({ schema }) => optionalProperties(schema) <= MAX_OPTIONAL_PROPERTIES) ?? forms.at(-1)
    if (!form) throw new Error('no recursion level')
    cache.set(method, form)
  }
  return form
}

/** A list of items, as an object: structured outputs ask for one. */
function listOf(items: JsonSchema): JsonSchema {
  return {
    type: 'object',
    properties: { items: { type: 'array', items } },
    required: ['items'],
    additionalProperties: false,
  }
}

/** How many properties of a schema may be left out: vendors limit their number. */
export function optionalProperties(schema: JsonSchema): number {
  if (schema.items) return optionalProperties(schema.items)
  const properties = Object.values(schema.properties ?? {})
  const own = properties.length - (schema.required?.length ?? 0)
  return properties.reduce((sum, property) => sum + optionalProperties(property), own)
}

/** Whether a message goes to the model as JSON text, since any JSON may stand in it. */
export function isFreeForm(desc: DescMessage): boolean {
  return FREE_FORM.has(desc.typeName)
}

/** Whether protobuf's JSON mapping has a form of its own for a message, so that its fields do not show. */
export function isWellKnown(desc: DescMessage): boolean {
  return WELL_KNOWN.has(desc.typeName)
}

const FREE_FORM = new Set(['Struct', 'Value', 'ListValue', 'Any'].map((name) => `google.protobuf.${name}`))

const WELL_KNOWN = new Map<string, JsonSchema>(
  Object.entries<JsonSchema>({
    Timestamp: {
      type: 'string',
      format: 'date-time',
      description: 'RFC 3339 date and time, such as 2026-01-31T12:00:00Z',
    },
    Duration: { type: 'string', description: 'Duration in seconds followed by "s", such as 90s or 1.5s' },
    FieldMask: { type: 'string', description: 'Field mask: lowerCamelCase field paths, separated by commas' },
    DoubleValue: { type: 'number' },
    FloatValue: { type: 'number' },
    Int64Value: scalar(ScalarType.INT64),
    UInt64Value: scalar(ScalarType.UINT64),
    Int32Value: { type: 'integer' },
    UInt32Value: { type: 'integer' },
    BoolValue: { type: 'boolean' },
    StringValue: { type: 'string' },
    BytesValue: scalar(ScalarType.BYTES),
    Struct: { type: 'string', description: 'JSON text of an object: any JSON object, written as a string' },
    Value: { type: 'string', description: 'JSON text of any value, written as a string' },
    ListValue: { type: 'string', description: 'JSON text of an array: any JSON array, written as a string' },
    Any: {
      type: 'string',
      description: 'JSON text of an object with "@type" and the fields of that type, written as a string',
    },
  }).map(([name, schema]) => [`google.protobuf.${name}`, schema]),
)

class SchemaBuilder {
  deviates = false
  readonly #method: Method
  readonly #levels: number
  #properties = 0

  constructor(method: Method, levels: number) {
    this.#method = method
    this.#levels = levels
  }

  message(desc: DescMessage, within: readonly DescMessage[]): JsonSchema {
    const wellKnown = WELL_KNOWN.get(desc.typeName)
    if (isFreeForm(desc)) this.deviates = true
    if (wellKnown) return wellKnown
    const level = within.filter((outer) => outer === desc).length
    if (level >= this.#levels || this.#properties + desc.fields.length > MAX_PROPERTIES) {
      this.deviates = true
      return jsonText(desc)
    }
    this.#properties += desc.fields.length
    const path = [...within, desc]
    const properties = desc.fields.map((field) => [field.jsonName, this.#field(field, path)] as const)
    return {
      type: 'object',
      ...described(describeMessage(desc)),
      properties: Object.fromEntries(properties),
      required: desc.fields.filter(isRequired).map((field) => field.jsonName),
      additionalProperties: false,
    }
  }

  #field(field: DescField, within: readonly DescMessage[]): JsonSchema {
    const schema = this.#type(field, within)
    const text = [describeField(field, this.#method.registry), schema.description].filter(Boolean).join('\n')
    return { ...schema, ...described(text) }
  }

  #type(field: DescField, within: readonly DescMessage[]): JsonSchema {
    const rules = rulesOf(field)
    if (field.fieldKind === 'list') return { type: 'array', items: this.#item(field, rules, within) }
    if (field.fieldKind !== 'map') return this.#element(field, rules, within, zeroOf(field, rules))
    this.deviates = true
    const properties = {
      key: { ...scalar(ScalarType.STRING), ...described(keyText(field.mapKey)) },
      value: this.#item(field, rules, within),
    }
    const entry: JsonSchema = { type: 'object', properties, required: ['key', 'value'], additionalProperties: false }
    return { type: 'array', description: 'A map as a list of its entries: no key twice', items: entry }
  }

  #item(field: DescField, listRules: FieldRules | undefined, within: readonly DescMessage[]): JsonSchema {
    const rules = elementRules(listRules)
    return this.#element(field, rules, within, rules?.ignore === Ignore.IF_ZERO_VALUE ? 'spared' : 'ruled')
  }

  #element(field: DescField, rules: FieldRules | undefined, within: readonly DescMessage[], zero: Zero): JsonSchema {
    if (field.message) return this.message(field.message, within)
    if (field.enum) return enumeration(field.enum, rules, zero)
    return constrained(scalar(field.scalar ?? ScalarType.STRING), rules, zero)
  }
}

function isRequired(field: DescField): boolean {
  if (field.oneof) return false
  if (field.fieldKind === 'list' || field.fieldKind === 'map') return true
  return field.presence !== Presence.EXPLICIT || (rulesOf(field)?.required ?? false)
}

/** What the rules say of the zero value: that it must not be, that they do not concern it, or what they say of any other. */
type Zero = 'forbidden' | 'spared' | 'ruled'

function zeroOf(field: DescField, rules: FieldRules | undefined): Zero {
  if (!rules || field.presence !== Presence.IMPLICIT) return 'ruled'
  if (rules.required) return 'forbidden'
  return sparesZero(field, rules) ? 'spared' : 'ruled'
}

function scalar(type: ScalarType): JsonSchema {
  switch (type) {
    case ScalarType.BOOL:
      return { type: 'boolean' }
    case ScalarType.STRING:
      return { type: 'string' }
    case ScalarType.BYTES:
      return { type: 'string', description: 'Bytes in base64' }
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return { type: 'number' }
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: 'string', description: '64-bit integer in decimal digits' }
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: 'string', description: '64-bit integer in decimal digits, not negative' }
    default:
      return { type: 'integer' }
  }
}

const FORMATS = new Set(['email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid'])

/** What of a string's rules a schema can carry: the values it may have, and well-known formats. */
function constrained(schema: JsonSchema, rules: FieldRules | undefined, zero: Zero): JsonSchema {
  if (schema.type !== 'string' || rules?.type.case !== 'string') return schema
  const { const: only, in: values, wellKnown } = rules.type.value
  const allowed = only ? [only] : values
  if (allowed.length > 0) return { ...schema, enum: [...new Set(zero === 'spared' ? ['', ...allowed] : allowed)] }
  if (zero === 'spared') return schema
  return wellKnown.value === true && FORMATS.has(wellKnown.case) ? { ...schema, format: wellKnown.case } : schema
}

/** An enum by its value names, without those that the rules forbid. */
function enumeration(desc: DescEnum, rules: FieldRules | undefined, zero: Zero): JsonSchema {
  if (desc.typeName === 'google.protobuf.NullValue') return { type: 'null' }
  const rule = rules?.type.case === 'enum' ? rules.type.value : undefined
  const allowed = desc.values.filter(({ number }) => {
    if (number === desc.values[0]?.number && zero !== 'ruled') return zero === 'spared'
    if (rule?.const) return number === rule.const
    if (rule && rule.in.length > 0 && !rule.in.includes(number)) return false
    return !rule?.notIn.includes(number)
  })
  const values = allowed.length > 0 ? allowed : desc.values
  return { type: 'string', enum: values.map((value) => value.name), ...described(describeEnum(desc, values)) }
}

function jsonText(desc: DescMessage): JsonSchema {
  const fields = desc.fields.map((field) => field.jsonName).join(', ')
  return {
    type: 'string',
    description: `JSON text of a ${desc.name} object (its fields: ${fields}), written as a string`,
  }
}

function keyText(type: ScalarType): string {
  if (type === ScalarType.STRING) return ''
  return type === ScalarType.BOOL ? '"true" or "false"' : 'An integer in decimal digits'
}

function described(text: string): { description?: string } {
  return text === '' ? {} : { description: text }
}
