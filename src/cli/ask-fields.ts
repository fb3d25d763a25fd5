import type { DescField, DescMessage, DescOneof, JsonObject, JsonValue, Registry } from '@bufbuild/protobuf'
import { jsonFaults } from '../contracts/json/faults.ts'
import { isWellKnown } from '../models/schema.ts'
import { describeField } from '../models/schema-text.ts'
import { askSingle, isObject, typeText } from './ask-value.ts'
import type { Prompts } from './prompts.ts'

export type Questions = {
  prompts: Prompts
  registry: Registry
  /** Says something above a question. */
  tell(line: string): void
}

/**
 * Asks for the fields of a message, or for some of them (by name), in protobuf's JSON mapping. What is left empty is not set.
 * `before` has what was answered earlier: it is kept, and offered where it is asked for again.
 */
export async function askMessage(
  questions: Questions,
  desc: DescMessage,
  before: JsonObject,
  only?: ReadonlySet<string>,
  path = '',
): Promise<JsonObject> {
  const answers: Record<string, JsonValue> = {}
  for (const member of desc.members) {
    const fields = member.kind === 'oneof' ? member.fields : [member]
    if (only !== undefined && !fields.some(({ name }) => only.has(name))) {
      for (const { jsonName } of fields) if (before[jsonName] !== undefined) answers[jsonName] = before[jsonName]
      continue
    }
    const field = member.kind === 'oneof' ? await askWhich(questions, member, before, path) : member
    const answer = field && (await askField(questions, field, before[field.jsonName], path))
    if (field && answer !== undefined) answers[field.jsonName] = answer
  }
  return answers
}

async function askWhich(
  { prompts }: Questions,
  oneof: DescOneof,
  before: JsonObject,
  path: string,
): Promise<DescField | undefined> {
  const chosen = oneof.fields.find(({ jsonName }) => before[jsonName] !== undefined)?.name ?? ''
  const choices = oneof.fields.map(({ name }) => ({ value: name, name }))
  const none = { value: '', name: '(none of them)' }
  const name = await prompts.choose(`${path}${oneof.name}: which one?`, [...choices, none], chosen || undefined)
  return oneof.fields.find((field) => field.name === name)
}

async function askField(
  questions: Questions,
  field: DescField,
  before: JsonValue | undefined,
  path: string,
): Promise<JsonValue | undefined> {
  const help = describeField(field, questions.registry)
  if (help !== '') for (const line of help.split('\n')) questions.tell(`# ${line}`)
  const name = `${path}${field.name}`
  if (field.fieldKind === 'list') return askList(questions, field, before, name)
  if (field.fieldKind === 'map') return askMap(questions, field, before, name)
  return askOne(questions, field, before, name)
}

/** A value of a field's type: one, an item of a list, or what a map has at a key. */
async function askOne(
  questions: Questions,
  field: DescField,
  before: JsonValue | undefined,
  name: string,
): Promise<JsonValue | undefined> {
  const { message } = field
  if (!message || isWellKnown(message)) return askSingle(questions.prompts, field, before, name)
  const given = isObject(before) ? before : undefined
  const isItem = field.fieldKind !== 'message'
  if (!isItem && !(await questions.prompts.confirm(`${name} (${message.name}): fill it in?`, given !== undefined))) {
    return undefined
  }
  return askMessage(questions, message, given ?? {}, undefined, `${name}.`)
}

/** Item after item, until one is left empty. */
async function askList(
  questions: Questions,
  field: DescField,
  before: JsonValue | undefined,
  name: string,
): Promise<JsonValue | undefined> {
  const given = Array.isArray(before) ? before : []
  const items: JsonValue[] = []
  if (!field.message) questions.tell('# Leave one empty to have no more.')
  for (;;) {
    const [place, earlier] = [`${name}[${items.length}]`, given[items.length]]
    if (field.message && !isWellKnown(field.message)) {
      if (!(await questions.prompts.confirm(`${place} (${field.message.name}): add it?`, earlier !== undefined))) break
    }
    const item = await askOne(questions, field, earlier, place)
    if (item === undefined) break
    items.push(item)
  }
  return items.length === 0 ? undefined : items
}

async function askMap(
  questions: Questions,
  field: DescField & { fieldKind: 'map' },
  before: JsonValue | undefined,
  name: string,
): Promise<JsonValue | undefined> {
  const given = Object.entries(isObject(before) ? before : {})
  const entries = new Map<string, JsonValue>()
  for (;;) {
    const [earlier = '', value] = given[entries.size] ?? []
    const problem = (key: string) =>
      key === ''
        ? undefined
        : jsonFaults(field.parent, { [field.jsonName]: { [key]: null } }).find(isAboutKey)?.description
    const question = `${name}: a key (${typeText(field.mapKey)}), empty for no more`
    const key = await questions.prompts.line(question, earlier, problem)
    if (key === '') break
    const item = await askOne(questions, field, value, `${name}[${JSON.stringify(key)}]`)
    if (item !== undefined) entries.set(key, item)
  }
  return entries.size === 0 ? undefined : Object.fromEntries(entries)
}

function isAboutKey({ description }: { description: string }): boolean {
  return description.startsWith('has a key that ')
}
