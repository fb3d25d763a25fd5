import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { Method } from '../../../src/contracts/method.ts'
import { isFreeForm, isWellKnown, type JsonSchema, responseSchema } from '../../../src/models/schema.ts'

/** What an answer holds at one place; `holder[key]` is where. The schema of what is within JSON text is not known. */
export type Place = { holder: Holder; key: string | number; schema: JsonSchema | undefined } & (
  | { kind: 'message'; desc: DescMessage; object: Holder }
  /** Also a message that has a form of its own in JSON. `within` is what holds it. */
  | { kind: 'value'; field: DescField; within: 'message' | 'list' | 'map' }
  | { kind: 'list'; field: DescField; items: Holder[] }
  | { kind: 'map'; field: DescField & { fieldKind: 'map' }; entries: Holder[] }
)

export type Holder = Record<string | number, unknown>

/** A message as JSON text within an answer, open to changes. */
class JsonText {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }

  toJSON(): string {
    return JSON.stringify(this.value)
  }
}

/** An answer in the form of responseSchema with all its places, also those within JSON text. `root.answer` is the answer. */
export function placesOf(method: Method, answer: JsonValue): { root: Holder; places: Place[] } {
  const root: Holder = { answer: structuredClone(answer) }
  const places: Place[] = []
  addMessage(method.output, root, 'answer', responseSchema(method), places)
  return { root, places }
}

function addMessage(
  desc: DescMessage,
  holder: Holder,
  key: string | number,
  schema: JsonSchema | undefined,
  places: Place[],
): void {
  let object = holder[key]
  if (schema?.type === 'string') {
    object = JSON.parse(String(object))
    holder[key] = new JsonText(object)
  }
  if (!isObject(object)) throw new Error(`${desc.typeName} is no object`)
  const spelt = schema?.type === 'string' ? undefined : schema
  places.push({ kind: 'message', holder, key, schema: spelt, desc, object })
  for (const field of desc.fields) {
    if (!Object.hasOwn(object, field.jsonName)) continue
    addField(field, object, spelt?.properties?.[field.jsonName], places)
  }
}

function addField(field: DescField, holder: Holder, schema: JsonSchema | undefined, places: Place[]): void {
  const key = field.jsonName
  const value = holder[key]
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    places.push({ kind: 'list', holder, key, schema, field, items: value })
    for (const index of value.keys()) addOne(field, 'list', value as unknown as Holder, index, schema?.items, places)
  } else if (field.fieldKind === 'map' && Array.isArray(value)) {
    places.push({ kind: 'map', holder, key, schema, field, entries: value })
    for (const entry of value) addOne(field, 'map', entry, 'value', schema?.items?.properties?.['value'], places)
  } else {
    addOne(field, 'message', holder, key, schema, places)
  }
}

function addOne(
  field: DescField,
  within: 'message' | 'list' | 'map',
  holder: Holder,
  key: string | number,
  schema: JsonSchema | undefined,
  places: Place[],
): void {
  places.push({ kind: 'value', holder, key, schema, field, within })
  const desc = field.message
  if (desc && !isFreeForm(desc) && !isWellKnown(desc)) addMessage(desc, holder, key, schema, places)
}

function isObject(value: unknown): value is Holder & JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
