import type { DescFile, DescMessage } from '@bufbuild/protobuf'
import { join } from './printer.ts'

/**
 * How names are written in a file: as short as protobuf's scoping lets them be, and with a leading dot where even the full
 * name would find something else first.
 */
export function referTo(file: DescFile): (fullName: string, scope: string) => string {
  const names = namesOf(file)
  return (fullName, scope) => {
    const parts = fullName.split('.')
    // The package of another file is always written.
    const shortest = fullName.startsWith(join(file.proto.package, '')) ? 1 : parts.length
    for (let length = shortest; length <= parts.length; length++) {
      const written = parts.slice(-length).join('.')
      if (resolve(names, written, scope) === fullName) return written
    }
    return `.${fullName}`
  }
}

/** What a name means in a scope: the innermost scope that has its first part decides. */
function resolve(names: ReadonlySet<string>, written: string, scope: string): string | undefined {
  const first = written.split('.', 1).join()
  for (let at = scope; ; at = at.slice(0, Math.max(at.lastIndexOf('.'), 0))) {
    if (names.has(join(at, first))) return join(at, written)
    if (at === '') return undefined
  }
}

/** Every full name in a file and in all that it imports, packages and fields included. */
function namesOf(file: DescFile): Set<string> {
  const names = new Set<string>()
  const seen = new Set<DescFile>()
  const visitMessage = (message: DescMessage) => {
    names.add(message.typeName)
    for (const { name } of [...message.fields, ...message.oneofs]) names.add(join(message.typeName, name))
    for (const nested of message.nestedMessages) visitMessage(nested)
    for (const nested of message.nestedExtensions) names.add(nested.typeName)
    for (const { typeName, values } of message.nestedEnums) {
      names.add(typeName)
      for (const { name } of values) names.add(join(message.typeName, name))
    }
  }
  const visit = (each: DescFile) => {
    if (seen.has(each)) return
    seen.add(each)
    const parts = each.proto.package.split('.')
    for (const index of parts.keys()) names.add(parts.slice(0, index + 1).join('.'))
    each.messages.forEach(visitMessage)
    for (const { typeName, values } of each.enums) {
      names.add(typeName)
      for (const { name } of values) names.add(join(each.proto.package, name))
    }
    for (const { typeName } of [...each.extensions, ...each.services]) names.add(typeName)
    each.dependencies.forEach(visit)
  }
  visit(file)
  return names
}
