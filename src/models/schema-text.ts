import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescMessage,
  DescOneof,
  JsonValue,
  Registry,
} from '@bufbuild/protobuf'
import { getOption, hasOption, isFieldSet, isMessage, toJson } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import {
  type FieldRules,
  FieldRulesSchema,
  field as fieldRules,
  Ignore,
  MessageRulesSchema,
  message as messageRules,
  oneof as oneofRules,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { commentOf } from '../contracts/comments.ts'

/** The protovalidate rules of a field; undefined also when it says that they are to be ignored. */
export function rulesOf(field: DescField): FieldRules | undefined {
  if (!hasOption(field, fieldRules)) return undefined
  const rules = getOption(field, fieldRules)
  return rules.ignore === Ignore.ALWAYS ? undefined : rules
}

/** Whether a value that is zero need not keep a field's rules. */
export function sparesZero(field: DescField, rules: FieldRules): boolean {
  if (isFieldSet(rules, FieldRulesSchema.field.ignore)) return rules.ignore === Ignore.IF_ZERO_VALUE
  // protovalidate ignores the rules of the others when one of such a group is set.
  return getOption(field.parent, messageRules).oneof.some(({ fields }) => fields.includes(field.name))
}

/** The rules for each item of a list, or each value of a map. */
export function elementRules(rules: FieldRules | undefined): FieldRules | undefined {
  const { case: type, value } = rules?.type ?? { case: undefined }
  const inner = type === 'repeated' ? value.items : type === 'map' ? value.values : undefined
  return inner?.ignore === Ignore.ALWAYS ? undefined : inner
}

/** What a model is told about a field: its comment, its `(deed.v1.field)` instructions, its rules. */
export function describeField(field: DescField, registry: Registry): string {
  const phrases = fieldPhrases(field, registry)
  const oneof = field.oneof ? `At most one of: ${field.oneof.fields.map((member) => member.jsonName).join(', ')}.` : ''
  return lines([
    commentOf(field),
    guidance(field, registry),
    oneof,
    phrases.length > 0 ? `Rules: ${phrases.join('; ')}.` : '',
  ])
}

/** The rules of a field in words, such as `min len 3`. */
export function fieldPhrases(field: DescField, registry: Registry): string[] {
  const rules = rulesOf(field)
  return rules ? describeRules(toJson(FieldRulesSchema, rules, { registry })) : []
}

/** What a model is told about a message: its comment, and the rules that concern several fields. */
export function describeMessage(desc: DescMessage): string {
  const names = desc.oneofs.filter(isRequired).map((oneof) => oneof.fields.map((field) => field.jsonName).join(', '))
  const phrases = messagePhrases(desc)
  return lines([
    commentOf(desc),
    ...names.map((fields) => `Exactly one of these must be set: ${fields}.`),
    phrases.length > 0 ? `Rules: ${phrases.join('; ')}.` : '',
  ])
}

/** The rules of a message that concern several of its fields, in words. */
export function messagePhrases(desc: DescMessage): string[] {
  return hasOption(desc, messageRules) ? describeRules(toJson(MessageRulesSchema, getOption(desc, messageRules))) : []
}

/** Whether one of its members must be set. */
export function isRequired(oneof: DescOneof): boolean {
  return hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required
}

/** What a model is told about an enum: its comment, and those of its values. */
export function describeEnum(desc: DescEnum, values: readonly DescEnumValue[]): string {
  const comments = values.map((value) => ({ name: value.name, text: commentOf(value).replaceAll('\n', ' ') }))
  return lines([
    commentOf(desc),
    ...comments.filter(({ text }) => text !== '').map(({ name, text }) => `- ${name}: ${text}`),
  ])
}

/** `{"string": {"minLen": "3"}, "cel": [{"message": "…"}]}` as `min len 3`, `…`: names that models know, in few words. */
function describeRules(rules: JsonValue): string[] {
  if (!isObject(rules)) return []
  return Object.entries(rules).flatMap(([name, value]): string[] => {
    if (name === 'ignore' || value === false) return []
    if (name === 'cel' && Array.isArray(value)) return value.map(describeCel)
    if (name === 'celExpression' && Array.isArray(value)) return value.map(String)
    if (name === 'oneof' && Array.isArray(value)) return value.map(describeFieldGroup)
    const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    if (value === true) return [words]
    if (!isObject(value)) return [`${words} ${isNumber(value) ? value : JSON.stringify(value)}`]
    const inner = describeRules(value)
    const each = name === 'items' || name === 'keys' || name === 'values'
    return each && inner.length > 0 ? [`each of its ${name}: ${inner.join(', ')}`] : inner
  })
}

/** Also in the form that 64-bit integers have in JSON. */
function isNumber(value: JsonValue): value is string {
  return typeof value === 'string' && /^-?\d+$/.test(value)
}

function describeCel(rule: JsonValue): string {
  if (!isObject(rule)) return ''
  return String(rule['message'] ?? rule['expression'] ?? '')
}

function describeFieldGroup(rule: JsonValue): string {
  if (!isObject(rule) || !Array.isArray(rule['fields'])) return ''
  return `${rule['required'] === true ? 'exactly' : 'at most'} one of ${rule['fields'].join(', ')}`
}

/** The instructions of `(deed.v1.field)`, which a contract has when it imports Deed's annotations. */
function guidance(field: DescField, registry: Registry): string {
  const extension = registry.getExtension('deed.v1.field')
  if (!extension?.message || !hasOption(field, extension)) return ''
  const value = getOption(field, extension)
  const instructions = extension.message.field['instructions']
  if (!instructions || !isMessage(value)) return ''
  return String(reflect(extension.message, value).get(instructions))
}

function lines(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n')
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
