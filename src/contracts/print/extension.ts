import type { FieldDescriptorProto } from '@bufbuild/protobuf/wkt'
import { type FieldScope, fieldMember, type Member } from './field.ts'
import { element, type Printer } from './printer.ts'
import { enclosing } from './source.ts'

/** `extend` blocks: neighbours that extend the same message in one. `path` is that of the list of extensions. */
export function extensionMembers(
  printer: Printer,
  extensions: readonly FieldDescriptorProto[],
  scope: FieldScope,
  path: readonly number[],
): Member[] {
  const runs: { extendee: string; members: Member[]; path: readonly number[] }[] = []
  for (const [index, extension] of extensions.entries()) {
    const own = [...path, index]
    const member = fieldMember(printer, extension, scope, own)
    const last = runs.at(-1)
    if (last?.extendee === extension.extendee) last.members.push(member)
    else runs.push({ extendee: extension.extendee, members: [member], path: own })
  }
  return runs.map(({ extendee, members, path: first }) => {
    const place = enclosing(printer.source(path), printer.source(first)[0])
    const lines = members.flatMap((member) => member.element.lines)
    const block = element(place, `extend ${printer.refer(extendee.slice(1), scope.name)}`, lines)
    return { element: block, brings: members.flatMap(({ brings }) => brings) }
  })
}
