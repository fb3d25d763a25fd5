import type { DescMessage } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt'
import type { Method } from '../../contracts/method.ts'
import { takesNull } from '../proto-json.ts'
import { isWellKnown, type JsonSchema } from '../schema.ts'

/** Of the formats that schema.ts writes, those that strict schemas may hold. */
const FORMATS = new Set(['date-time', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid'])
/** https://platform.openai.com/docs/guides/structured-outputs#supported-schemas */
const MAX_LEVELS = 10
const MAX_ENUM_VALUES = 1_000
const MAX_CHARACTERS = 120_000
/** From so many values on, those of one enum are limited in length too. */
const LARGE_ENUM = 250
const MAX_LARGE_ENUM_CHARACTERS = 15_000

/** A schema of OpenAI's strict mode: every property is required, and what may be left out may be null. */
export type StrictSchema =
  | (Omit<JsonSchema, 'properties' | 'items'> & { properties?: Record<string, StrictSchema>; items?: StrictSchema })
  | { anyOf: StrictSchema[]; description?: string }

const cache = new WeakMap<JsonSchema, { strict: StrictSchema | undefined }>()

/**
 * The schema of a method's answer as strict mode wants it, or undefined when it cannot have that form. Null then says that a
 * field is left out.
 */
export function strictSchema(schema: JsonSchema, method: Pick<Method, 'output'>): StrictSchema | undefined {
  let known = cache.get(schema)
  if (!known) {
    const has = fits(schema) && !isAmbiguous(method.output, new Set())
    known = { strict: has ? strictOf(schema) : undefined }
    cache.set(schema, known)
  }
  return known.strict
}

function strictOf(schema: JsonSchema): StrictSchema {
  const { format, items, properties, ...rest } = schema
  return {
    ...rest,
    ...(format !== undefined && FORMATS.has(format) && { format }),
    ...(items && { items: strictOf(items) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [
          name,
          schema.required?.includes(name) ? strictOf(property) : nullable(property),
        ]),
      ),
      required: Object.keys(properties),
    }),
  }
}

function nullable(property: JsonSchema): StrictSchema {
  const { description, ...bare } = property
  return { anyOf: [strictOf(bare), { type: 'null' }], ...(description !== undefined && { description }) }
}

/** Whether null is a value of a field that may be left out: a null would not tell which of the two is meant. */
function isAmbiguous(desc: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(desc) || isWellKnown(desc)) return false
  seen.add(desc)
  return desc.fields.some((field) => {
    const single = field.fieldKind !== 'list' && field.fieldKind !== 'map'
    if (single && takesNull(field) && field.presence === Presence.EXPLICIT) return true
    return field.message !== undefined && isAmbiguous(field.message, seen)
  })
}

function fits(schema: JsonSchema): boolean {
  const size = { values: 0, characters: 0 }
  return measure(schema, 1, size) && size.values <= MAX_ENUM_VALUES && size.characters <= MAX_CHARACTERS
}

function measure(schema: JsonSchema, level: number, size: { values: number; characters: number }): boolean {
  if (level > MAX_LEVELS) return false
  const values = schema.enum ?? []
  const characters = values.join('').length
  if (values.length > LARGE_ENUM && characters > MAX_LARGE_ENUM_CHARACTERS) return false
  size.values += values.length
  size.characters += characters
  if (schema.items) return measure(schema.items, level + 1, size)
  return Object.entries(schema.properties ?? {}).every(([name, property]) => {
    size.characters += name.length
    return measure(property, level + 1, size)
  })
}
