import { clone, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { Fault } from '../fault.ts'
import type { Image } from '../image.ts'
import { ownRegistry } from '../own-image.ts'

/** Deed's own files in an image are those of this Deed: an edited copy would mean something else to its author. */
export function annotationFaults({ set }: Image): Fault[] {
  return set.file
    .filter((file) => file.package.startsWith('deed.') || file.name.startsWith('deed/v1/'))
    .flatMap((file) => {
      const own = ownRegistry.getFile(file.name)?.proto
      if (own && same(own, file)) return []
      const cause = own
        ? 'is not the copy that this Deed has'
        : 'is not a file of Deed, and the package deed is reserved'
      return [{ file: file.name, element: '', cause }]
    })
}

function same(own: FileDescriptorProto, given: FileDescriptorProto): boolean {
  return declarations(own).equals(declarations(given))
}

/** A file without its comments, positions and what buf adds to it. */
function declarations(file: FileDescriptorProto): Buffer {
  const { sourceCodeInfo: _, $unknown: __, ...rest } = clone(FileDescriptorProtoSchema, file)
  return Buffer.from(toBinary(FileDescriptorProtoSchema, rest))
}
