import { type DescField, isFieldSet } from '@bufbuild/protobuf'
import { protoCamelCase } from '@bufbuild/protobuf/reflect'
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { assignments, brackets } from './options.ts'
import { type Element, element, join, type Printer } from './printer.ts'

/** What encloses fields: a full name, the messages declared in it, and how the body of a group among them is printed. */
export type FieldScope = {
  name: string
  messages: readonly DescriptorProto[]
  groupBody: (group: DescriptorProto) => string[]
}

/** An element of a scope with the messages that it brings along: its map entry or its group. */
export type Member = { element: Element; brings: readonly DescriptorProto[] }

/** A field or an extension, a map as a map and a group with its body. */
export function fieldMember(
  printer: Printer,
  field: FieldDescriptorProto,
  scope: FieldScope,
  path: readonly number[],
): Member {
  const place = printer.source(path)[0]
  const own = ownMessage(field, scope.messages)
  const end = ` = ${field.number}${brackets(fieldOptions(printer, field, scope))}`
  if (own === undefined) {
    const type = typeName(printer, field, scope.name)
    return { element: element(place, `${label(printer, field)}${type} ${field.name}${end}`), brings: [] }
  }
  if (field.type === Type.GROUP) {
    const head = `${label(printer, field)}group ${own.name}${end}`
    return { element: element(place, head, scope.groupBody(own)), brings: [own] }
  }
  const [key, value] = own.field.map((each) => typeName(printer, each, join(scope.name, own.name)))
  return { element: element(place, `map<${key}, ${value}> ${field.name}${end}`), brings: [own] }
}

/** The index of the oneof that a field is written in. */
export function oneofOf(field: FieldDescriptorProto): number | undefined {
  return has(field, 'oneofIndex') && !field.proto3Optional ? field.oneofIndex : undefined
}

/** Messages and members of a scope, so ordered that each message gets its index back. */
export function weave(
  messages: readonly DescriptorProto[],
  members: readonly Member[],
  print: (message: DescriptorProto, index: number) => Element,
): Element[] {
  const elements: Element[] = []
  let done = 0
  for (const [index, message] of messages.entries()) {
    const owner = members.findIndex(({ brings }) => brings.includes(message))
    if (owner < 0) elements.push(print(message, index))
    while (done <= owner) elements.push(...members.slice(done++, done).map((member) => member.element))
  }
  return [...elements, ...members.slice(done).map((member) => member.element)]
}

function ownMessage(field: FieldDescriptorProto, messages: readonly DescriptorProto[]): DescriptorProto | undefined {
  if (field.typeName === '') return undefined
  const name = field.typeName.slice(field.typeName.lastIndexOf('.') + 1)
  return messages.find(
    (message) => message.name === name && (field.type === Type.GROUP || message.options?.mapEntry === true),
  )
}

function label({ file }: Printer, field: FieldDescriptorProto): string {
  if (oneofOf(field) !== undefined) return ''
  if (field.label === Label.REPEATED) return 'repeated '
  if (field.proto3Optional) return 'optional '
  if (file.syntax === 'proto3' || file.syntax === 'editions') return ''
  return field.label === Label.REQUIRED ? 'required ' : 'optional '
}

function typeName({ refer }: Printer, field: FieldDescriptorProto, scope: string): string {
  return field.typeName === '' ? (Type[field.type] ?? '').toLowerCase() : refer(field.typeName.slice(1), scope)
}

function fieldOptions(printer: Printer, field: FieldDescriptorProto, scope: FieldScope): string[] {
  const jsonName = field.extendee === '' && field.jsonName !== '' && field.jsonName !== protoCamelCase(field.name)
  return [
    ...(has(field, 'defaultValue') ? [`default = ${defaultText(field)}`] : []),
    ...(jsonName ? [`json_name = ${quote(field.jsonName)}`] : []),
    ...assignments(printer, FieldOptionsSchema, field.options, scope.name),
  ]
}

function defaultText({ type, defaultValue }: FieldDescriptorProto): string {
  // A descriptor keeps the default of a bytes field escaped, that of a string as it is.
  if (type === Type.BYTES) return `"${defaultValue}"`
  return type === Type.STRING ? quote(defaultValue) : defaultValue
}

function quote(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
  return `"${escaped.replace(/\p{Cc}/gu, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)}"`
}

function has(field: FieldDescriptorProto, name: 'oneofIndex' | 'defaultValue'): boolean {
  const desc: DescField = FieldDescriptorProtoSchema.field[name]
  return isFieldSet(field, desc)
}
