import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { toText } from '@bufbuild/protobuf/txtpb'
import type { Printer } from './printer.ts'

/**
 * The options of an element as `name = value`, messages in text format. `scope` is the full name that encloses the element.
 */
export function assignments<Desc extends DescMessage>(
  printer: Printer,
  schema: Desc,
  options: MessageShape<Desc> | undefined,
  scope: string,
): string[] {
  if (options === undefined) return []
  const lines = toText(schema, options, { registry: printer.registry }).split('\n').slice(0, -1)
  // The text format has a field a line, or one in braces: what is indented or closes belongs to the line before it.
  const entries = lines.join('\n').split(/\n(?![ }])/)
  return entries.flatMap((entry) => {
    const [, extension, field, value] = /^(?:\[([^\]]+)\]|(\w+)): (.*)$/s.exec(entry) ?? []
    if (value === undefined) return []
    return `${extension === undefined ? field : `(${printer.refer(extension, scope)})`} = ${value}`
  })
}

/** As statements for the body of the element. */
export function statements(assigned: readonly string[]): string[] {
  return assigned.flatMap((assignment) => `option ${assignment};`.split('\n'))
}

/** In brackets, to be put after a field, an enum value or a range: ` [deprecated = true]`, or nothing. */
export function brackets(assigned: readonly string[]): string {
  if (assigned.length === 0) return ''
  if (assigned.length === 1) return ` [${assigned[0]}]`
  return ` [\n${assigned.join(',\n').replace(/^/gm, '  ')}\n]`
}
