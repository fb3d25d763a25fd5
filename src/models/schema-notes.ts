import { type DescField, type DescMessage, type Registry, ScalarType } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt'
import type { Method } from '../contracts/method.ts'
import {
  isFreeForm,
  isWellKnown,
  type JsonSchema,
  MAX_OPTIONAL_PROPERTIES,
  optionalProperties,
  responseSchema,
} from './schema.ts'
import { fieldPhrases, isRequired, messagePhrases } from './schema-text.ts'

/** Something that responseSchema cannot say or says otherwise. `field` is a path as in the JSON; empty for the whole. */
export type SchemaNote = { field: string; note: string }

/**
 * What of a contract the schema that a model gets does not carry: rules that stand in its descriptions only, and are enforced
 * when the answer is there, and fields that have another form than in protobuf's JSON mapping. Each field of a type is told once.
 */
export function schemaNotes(method: Method): SchemaNote[] {
  const schema = responseSchema(method)
  const notes: SchemaNote[] = []
  const optional = optionalProperties(schema)
  if (optional > MAX_OPTIONAL_PROPERTIES) {
    const note = `${optional} properties may be left out: with more than ${MAX_OPTIONAL_PROPERTIES}, the schema stands in the prompt`
    notes.push({ field: '', note })
  }
  if (schema.type !== 'object') {
    notes.push({ field: '', note: 'the schema stands in the prompt: structured outputs are objects' })
  }
  const walk = { registry: method.registry, told: new Set<DescMessage>(), notes }
  if (method.shape === 'server_streaming')
    ofMessage(method.output, schema.properties?.['items']?.items, 'items[]', walk)
  else ofMessage(method.output, schema, '', walk)
  return notes
}

type Walk = { registry: Registry; told: Set<DescMessage>; notes: SchemaNote[] }

function ofMessage(desc: DescMessage, schema: JsonSchema | undefined, path: string, walk: Walk): void {
  const { notes, told } = walk
  if (isFreeForm(desc)) {
    notes.push({ field: path, note: 'JSON text, since any JSON may stand there' })
    return
  }
  if (isWellKnown(desc)) return
  if (schema?.type !== 'object') {
    notes.push({ field: path, note: `JSON text of a ${desc.name}, since the schema would not end or be too large` })
    return
  }
  const isNew = !told.has(desc)
  told.add(desc)
  if (isNew) {
    for (const phrase of messagePhrases(desc)) notes.push({ field: path, note: `rule: ${phrase}` })
    for (const oneof of desc.oneofs.filter(({ fields }) => fields.length > 1)) {
      const names = oneof.fields.map(({ jsonName }) => jsonName).join(', ')
      notes.push({ field: path, note: `rule: ${isRequired(oneof) ? 'exactly' : 'at most'} one of ${names}` })
    }
  }
  for (const field of desc.fields) {
    const at = path === '' ? field.jsonName : `${path}.${field.jsonName}`
    ofField(field, schema.properties?.[field.jsonName], at, isNew, walk)
  }
}

function ofField(field: DescField, schema: JsonSchema | undefined, path: string, isNew: boolean, walk: Walk): void {
  if (isNew) {
    const missing = fieldPhrases(field, walk.registry).flatMap((phrase) => leftOver(field, phrase))
    if (missing.length > 0) walk.notes.push({ field: path, note: `rule: ${missing.join('; ')}` })
    if (field.fieldKind === 'map') walk.notes.push({ field: path, note: 'a map, as a list of its entries' })
  }
  if (!field.message) return
  if (field.fieldKind === 'map') ofMessage(field.message, schema?.items?.properties?.['value'], `${path}[].value`, walk)
  else if (field.fieldKind === 'list') ofMessage(field.message, schema?.items, `${path}[]`, walk)
  else ofMessage(field.message, schema, path, walk)
}

const formats = ['email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid']

/** What of a rule is not in the schema: nothing where enum, format or required say it. */
function leftOver(field: DescField, phrase: string): string[] {
  const [, each = '', inner = ''] = /^(each of its (?:items|values): )(.*)$/s.exec(phrase) ?? []
  if (each !== '') {
    const rest = inner.split(', ').filter((part) => !isCarried(field, part))
    return rest.length > 0 ? [each + rest.join(', ')] : []
  }
  if (phrase !== 'required')
    return field.fieldKind !== 'list' && field.fieldKind !== 'map' && isCarried(field, phrase) ? [] : [phrase]
  const isImplicit = field.presence === Presence.IMPLICIT && !field.enum
  return field.oneof || isImplicit ? [phrase] : []
}

/** A rule of a single value. */
function isCarried({ enum: type, scalar }: DescField, phrase: string): boolean {
  if (type) return /^(const|in|not in) |^defined only$/.test(phrase)
  return scalar === ScalarType.STRING && (/^(const|in) /.test(phrase) || formats.includes(phrase))
}
