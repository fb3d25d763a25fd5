import { toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'

/** The keys of protovalidate's options in the bytes of a file: (buf.validate.field) and its like, and its predefined rules. */
const keys = [1159, 1160].map((no) => Buffer.of(((no << 3) & 0x7f) | 2 | 0x80, no >> 4))

/** They are what Deed has, which other checks see to. */
const known = new Set(['buf/validate/validate.proto', 'deed/v1/annotations.proto'])

/** Whether a file may have protovalidate rules; false is certain. */
export function hasRules(file: FileDescriptorProto): boolean {
  if (known.has(file.name)) return false
  const bytes = Buffer.from(toBinary(FileDescriptorProtoSchema, { ...file, sourceCodeInfo: undefined }))
  return keys.some((key) => bytes.includes(key))
}
