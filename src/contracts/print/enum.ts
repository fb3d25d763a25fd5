import { type EnumDescriptorProto, EnumOptionsSchema, EnumValueOptionsSchema } from '@bufbuild/protobuf/wkt'
import { assignments, brackets, statements } from './options.ts'
import { type Element, element, inOrder, join, type Printer } from './printer.ts'
import { reservedElements, visibility } from './reserved.ts'

/** An enum with its values. */
export function enumElement(
  printer: Printer,
  each: EnumDescriptorProto,
  scope: string,
  path: readonly number[],
): Element {
  const name = join(scope, each.name)
  const values = each.value.map((value, index) => {
    const options = brackets(assignments(printer, EnumValueOptionsSchema, value.options, name))
    return element(printer.source([...path, 2, index])[0], `${value.name} = ${value.number}${options}`)
  })
  const ranges = each.reservedRange.map(({ start, end }) => ({ start, end }))
  const paths = { ranges: [...path, 4], names: [...path, 5] }
  return element(printer.source(path)[0], `${visibility(each.visibility)}enum ${each.name}`, [
    ...statements(assignments(printer, EnumOptionsSchema, each.options, name)),
    ...inOrder([...reservedElements(printer, ranges, each.reservedName, paths), ...values]),
  ])
}
