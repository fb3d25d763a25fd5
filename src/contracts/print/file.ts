import { Edition, type FileDescriptorProto, FileOptionsSchema } from '@bufbuild/protobuf/wkt'
import { enumElement } from './enum.ts'
import { extensionMembers } from './extension.ts'
import { weave } from './field.ts'
import { messageElement, scopeOf } from './message.ts'
import { assignments, statements } from './options.ts'
import { type Element, element, inOrder, type Printer } from './printer.ts'
import { serviceElement } from './service.ts'
import { merge } from './source.ts'

/** A whole file. */
export function fileLines(printer: Printer): string[] {
  const { file, source } = printer
  const scope = scopeOf(printer, file.package, file.messageType, [4])
  const extensions = extensionMembers(printer, file.extension, scope, [7])
  const elements: Element[] = [
    ...file.enumType.map((each, index) => enumElement(printer, each, file.package, [5, index])),
    ...weave(file.messageType, extensions, (each, index) => messageElement(printer, each, file.package, [4, index])),
    ...file.service.map((each, index) => serviceElement(printer, each, file.package, [6, index])),
  ]
  const heading = [...source([12]), ...source([14])]
  return [
    ...element(merge(heading), syntax(file)).lines,
    '',
    ...(file.package === '' ? [] : element(merge(source([2])), `package ${file.package}`).lines),
    '',
    ...imports(printer),
    '',
    ...statements(assignments(printer, FileOptionsSchema, file.options, file.package)),
    '',
    ...inOrder(elements),
  ]
}

function syntax({ syntax, edition }: FileDescriptorProto): string {
  if (syntax !== 'editions') return `syntax = "${syntax || 'proto2'}"`
  return `edition = "${Edition[edition].replace('EDITION_', '')}"`
}

function imports({ file, source }: Printer): string[] {
  const how = (index: number) => {
    if (file.publicDependency.includes(index)) return 'public '
    return file.weakDependency.includes(index) ? 'weak ' : ''
  }
  return [
    ...file.dependency.map((name, index) => element(source([3, index])[0], `import ${how(index)}"${name}"`)),
    ...file.optionDependency.map((name, index) => element(source([15, index])[0], `import option "${name}"`)),
  ].flatMap(({ lines }) => lines)
}
