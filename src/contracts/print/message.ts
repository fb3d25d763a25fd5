import {
  type DescriptorProto,
  type DescriptorProto_ExtensionRange as ExtensionRange,
  ExtensionRangeOptionsSchema,
  type FieldDescriptorProto,
  MessageOptionsSchema,
  OneofOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { enumElement } from './enum.ts'
import { extensionMembers } from './extension.ts'
import { type FieldScope, fieldMember, type Member, oneofOf, weave } from './field.ts'
import { assignments, brackets, statements } from './options.ts'
import { type Element, element, inOrder, join, type Printer } from './printer.ts'
import { rangeText, reservedElements, visibility } from './reserved.ts'

type Path = readonly number[]

/** A message with all that is declared in it. */
export function messageElement(printer: Printer, message: DescriptorProto, scope: string, path: Path): Element {
  const head = `${visibility(message.visibility)}message ${message.name}`
  return element(printer.source(path)[0], head, messageBody(printer, message, join(scope, message.name), path))
}

/** What stands between the braces of a message or group. */
export function messageBody(printer: Printer, message: DescriptorProto, name: string, path: Path): string[] {
  const scope = scopeOf(printer, name, message.nestedType, [...path, 3])
  const members = [
    ...fieldMembers(printer, message, scope, path),
    ...extensionMembers(printer, message.extension, scope, [...path, 6]),
  ]
  const reserved = message.reservedRange.map(({ start, end }) => ({ start, end: end - 1 }))
  return [
    ...statements(assignments(printer, MessageOptionsSchema, message.options, name)),
    ...inOrder([
      ...reservedElements(printer, reserved, message.reservedName, { ranges: [...path, 9], names: [...path, 10] }),
      ...message.extensionRange.map((range, index) => rangeElement(printer, range, name, [...path, 5, index])),
      ...message.enumType.map((each, index) => enumElement(printer, each, name, [...path, 4, index])),
      ...weave(message.nestedType, members, (each, index) => messageElement(printer, each, name, [...path, 3, index])),
    ]),
  ]
}

/** A scope for the fields and extensions in it. `path` is that of the list of its messages. */
export function scopeOf(printer: Printer, name: string, messages: readonly DescriptorProto[], path: Path): FieldScope {
  const groupBody = (group: DescriptorProto) =>
    messageBody(printer, group, join(name, group.name), [...path, messages.indexOf(group)])
  return { name, messages, groupBody }
}

function fieldMembers(printer: Printer, message: DescriptorProto, scope: FieldScope, path: Path): Member[] {
  const member = (field: FieldDescriptorProto) =>
    fieldMember(printer, field, scope, [...path, 2, message.field.indexOf(field)])
  return message.field.flatMap((field) => {
    const oneof = oneofOf(field)
    if (oneof === undefined) return member(field)
    // All fields of a oneof are printed where its first one stands.
    const fields = message.field.filter((each) => oneofOf(each) === oneof)
    return fields[0] === field ? oneofMember(printer, message, oneof, fields.map(member), scope, path) : []
  })
}

function oneofMember(
  printer: Printer,
  message: DescriptorProto,
  index: number,
  fields: readonly Member[],
  scope: FieldScope,
  path: Path,
): Member {
  const oneof = message.oneofDecl[index]
  const body = [
    ...statements(assignments(printer, OneofOptionsSchema, oneof?.options, scope.name)),
    ...inOrder(fields.map((field) => field.element)),
  ]
  const place = printer.source([...path, 8, index])[0]
  return { element: element(place, `oneof ${oneof?.name}`, body), brings: fields.flatMap(({ brings }) => brings) }
}

function rangeElement(printer: Printer, range: ExtensionRange, name: string, path: Path): Element {
  const options = brackets(assignments(printer, ExtensionRangeOptionsSchema, range.options, name))
  const text = rangeText({ start: range.start, end: range.end - 1 })
  return element(printer.source(path)[0], `extensions ${text}${options}`)
}
