import type { JsonSchema } from '../schema.ts'

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

/** A schema as strict mode wants it, or undefined when it cannot have that form. Null then says that a field is left out. */
export function strictSchema(schema: JsonSchema): StrictSchema | undefined {
  let known = cache.get(schema)
  if (!known) {
    known = { strict: fits(schema) ? strictOf(schema) : undefined }
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
    // A null that is a value cannot be told from one that says that the field is left out.
    if (property.type === 'null' && !schema.required?.includes(name)) return false
    return measure(property, level + 1, size)
  })
}
