import type {
  DescEnum,
  DescEnumValue,
  DescExtension,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescOneof,
  DescService,
} from '@bufbuild/protobuf'

type Commented =
  | DescMessage
  | DescField
  | DescOneof
  | DescEnum
  | DescEnumValue
  | DescService
  | DescMethod
  | DescExtension

const indexes = new WeakMap<DescFile, ReadonlyMap<string, string>>()

/** The comments before and after an element of a contract, as plain text without the slashes. Empty when it has none. */
export function commentOf(desc: Commented): string {
  const file = fileOf(desc)
  let index = indexes.get(file)
  if (!index) {
    index = indexOf(file)
    indexes.set(file, index)
  }
  return index.get(pathOf(desc).join()) ?? ''
}

function indexOf(file: DescFile): ReadonlyMap<string, string> {
  const index = new Map<string, string>()
  for (const { path, leadingComments, trailingComments } of file.proto.sourceCodeInfo?.location ?? []) {
    const text = [leadingComments, trailingComments].map(plain).filter(Boolean).join('\n')
    if (text !== '') index.set(path.join(), text)
  }
  return index
}

/** Without the space after the slashes, and without what is said to a linter. */
function plain(comment: string): string {
  return comment
    .split('\n')
    .filter((line) => !/^\s*buf:lint:/.test(line))
    .map((line) => line.replace(/^ /, '').trimEnd())
    .join('\n')
    .trim()
}

function fileOf(desc: Commented): DescFile {
  switch (desc.kind) {
    case 'message':
    case 'enum':
    case 'service':
    case 'extension':
      return desc.file
    default:
      return desc.parent.file
  }
}

/** The numbers are those of the fields in google/protobuf/descriptor.proto that lead from a file to the element. */
function pathOf(desc: Commented): number[] {
  switch (desc.kind) {
    case 'message':
      return desc.parent
        ? [...pathOf(desc.parent), 3, desc.parent.proto.nestedType.indexOf(desc.proto)]
        : [4, desc.file.proto.messageType.indexOf(desc.proto)]
    case 'enum':
      return desc.parent
        ? [...pathOf(desc.parent), 4, desc.parent.proto.enumType.indexOf(desc.proto)]
        : [5, desc.file.proto.enumType.indexOf(desc.proto)]
    case 'service':
      return [6, desc.file.proto.service.indexOf(desc.proto)]
    case 'extension':
      return desc.parent
        ? [...pathOf(desc.parent), 6, desc.parent.proto.extension.indexOf(desc.proto)]
        : [7, desc.file.proto.extension.indexOf(desc.proto)]
    case 'field':
      return [...pathOf(desc.parent), 2, desc.parent.proto.field.indexOf(desc.proto)]
    case 'oneof':
      return [...pathOf(desc.parent), 8, desc.parent.proto.oneofDecl.indexOf(desc.proto)]
    case 'enum_value':
      return [...pathOf(desc.parent), 2, desc.parent.proto.value.indexOf(desc.proto)]
    case 'rpc':
      return [...pathOf(desc.parent), 2, desc.parent.proto.method.indexOf(desc.proto)]
  }
}
