import type { JsonValue } from '@bufbuild/protobuf'
import type { JsonSchema } from '../../src/models/schema.ts'
import type { Random } from './random.ts'

/** Something that has the form of the schema and rarely keeps more rules than that. */
export function randomAnswer(schema: JsonSchema, random: Random): JsonValue {
  if (schema.enum) return random.pick(schema.enum)
  switch (schema.type) {
    case 'object': {
      const names = Object.keys(schema.properties ?? {}).filter(
        (name) => schema.required?.includes(name) || random.chance(0.2),
      )
      return Object.fromEntries(names.map((name) => [name, randomAnswer(schema.properties?.[name] ?? schema, random)]))
    }
    case 'array':
      return Array.from({ length: random.whole(0, 2) }, () => randomAnswer(schema.items ?? { type: 'null' }, random))
    case 'integer':
      return random.whole(-2, 40)
    case 'number':
      return random.between(-1, 2)
    case 'boolean':
      return random.chance(0.5)
    case 'null':
      return null
    default:
      return randomText(schema, random)
  }
}

function randomText({ format, description = '' }: JsonSchema, random: Random): string {
  if (format === 'date-time') return `20${random.whole(10, 40)}-0${random.whole(1, 9)}-1${random.whole(0, 9)}T12:00:00Z`
  if (description.includes('64-bit')) return String(random.whole(0, 1_000_000))
  if (description.includes('Duration')) return `${random.whole(0, 100)}s`
  if (description.includes('JSON text')) return random.pick(['{}', '[]', '{"a":[1,null]}', 'null', '"x"'])
  if (description.includes('base64')) return random.pick(['', 'AAEC', '_-8', '!'])
  return random.pick(['', 'a', 'some text', 'ada@example.com', 'grüß 👋', 'COLOR_RED', '{"x":1}', '\u0000'])
}
