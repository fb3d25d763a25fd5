import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  FileDescriptorSet,
} from '@bufbuild/protobuf/wkt'
import type { Fault } from './fault.ts'

type Report = (element: string, cause: string) => void

/** What keeps a set of files from linking, all of it: createFileRegistry stops at the first, and overwrites duplicates. */
export function linkFaults(set: FileDescriptorSet): Fault[] {
  const faults: Fault[] = []
  const files = new Set<string>()
  const types = new Set<string>()
  for (const file of set.file) {
    const report: Report = (element, cause) => faults.push({ file: file.name, element, cause })
    if (files.has(file.name)) report('', 'the file is in the image twice')
    files.add(file.name)
    declare(file, types, report)
  }
  for (const file of set.file) {
    const report: Report = (element, cause) => faults.push({ file: file.name, element, cause })
    for (const name of file.dependency) if (!files.has(name)) report('', `imports ${name}, which the image lacks`)
    checkReferences(file, types, report)
  }
  if (files.size === set.file.length) {
    const ordered = new Set(inImportOrder(set))
    for (const file of set.file) {
      if (!ordered.has(file)) faults.push({ file: file.name, element: '', cause: 'imports itself through other files' })
    }
  }
  return faults
}

/** The files with each after those that it imports. A file that is part of an import cycle, or needs one, is left out. */
export function inImportOrder(set: FileDescriptorSet): FileDescriptorProto[] {
  const waiting = new Map(set.file.map((file) => [file.name, new Set(file.dependency)]))
  const importers = Map.groupBy(
    set.file.flatMap((file) => [...new Set(file.dependency)].map((name) => ({ name, file }))),
    ({ name }) => name,
  )
  for (const needs of waiting.values()) for (const name of needs) if (!waiting.has(name)) needs.delete(name)
  const ordered = set.file.filter((file) => waiting.get(file.name)?.size === 0)
  for (const done of ordered) {
    for (const { file } of importers.get(done.name) ?? []) {
      const needs = waiting.get(file.name)
      if (needs?.delete(done.name) && needs.size === 0) ordered.push(file)
    }
  }
  return ordered
}

function declare(file: FileDescriptorProto, types: Set<string>, report: Report): void {
  const add = (scope: string, name: string): string => {
    const full = scope === '' ? name : `${scope}.${name}`
    if (types.has(full)) report(full, 'is declared twice')
    types.add(full)
    return full
  }
  const addEnum = (scope: string, type: EnumDescriptorProto): void => {
    const full = add(scope, type.name)
    if (type.value.length === 0) report(full, 'has no value')
  }
  const addMessage = (scope: string, type: DescriptorProto): void => {
    const full = add(scope, type.name)
    checkFields(full, type.field, report)
    for (const nested of type.nestedType) addMessage(full, nested)
    for (const nested of type.enumType) addEnum(full, nested)
  }
  for (const type of file.messageType) addMessage(file.package, type)
  for (const type of file.enumType) addEnum(file.package, type)
  for (const service of file.service) {
    const full = add(file.package, service.name)
    const methods = new Set<string>()
    for (const { name } of service.method) {
      if (methods.has(name)) report(`${full}.${name}`, 'is declared twice')
      methods.add(name)
    }
  }
}

function checkFields(message: string, fields: readonly FieldDescriptorProto[], report: Report): void {
  const names = new Set<string>()
  const numbers = new Set<number>()
  for (const { name, number } of fields) {
    if (names.has(name)) report(`${message}.${name}`, 'is declared twice')
    if (numbers.has(number)) report(`${message}.${name}`, `the number ${number} is used twice`)
    if (number < 1 || number > 536_870_911) report(`${message}.${name}`, `${number} is no field number`)
    names.add(name)
    numbers.add(number)
  }
}

function checkReferences(file: FileDescriptorProto, types: ReadonlySet<string>, report: Report): void {
  const refer = (element: string, name: string): void => {
    if (!types.has(name.replace(/^\./, ''))) report(element, `refers to ${name || 'a type'}, which the image lacks`)
  }
  const field = (scope: string, { name, type, typeName, extendee }: FieldDescriptorProto): void => {
    const full = scope === '' ? name : `${scope}.${name}`
    // 0 is unset; 10, 11 and 14 are the group, the message and the enum, which have a type name.
    if (type < 1 || type > 18) report(full, 'has no type')
    if (type === 10 || type === 11 || type === 14) refer(full, typeName)
    if (extendee !== '') refer(full, extendee)
  }
  const message = (scope: string, type: DescriptorProto): void => {
    const full = scope === '' ? type.name : `${scope}.${type.name}`
    for (const each of type.field) field(full, each)
    for (const each of type.extension) field(full, each)
    for (const nested of type.nestedType) message(full, nested)
  }
  for (const type of file.messageType) message(file.package, type)
  for (const extension of file.extension) field(file.package, extension)
  for (const service of file.service) {
    for (const method of service.method) {
      const full = [file.package, service.name, method.name].filter(Boolean).join('.')
      refer(full, method.inputType)
      refer(full, method.outputType)
    }
  }
}
