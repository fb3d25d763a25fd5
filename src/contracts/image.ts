import {
  createFileRegistry,
  type DescMessage,
  type DescService,
  type FileRegistry,
  fromBinary,
  protoInt64,
} from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { type FileDescriptorProto, type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { contractInvalid, type Fault } from './fault.ts'
import { inImportOrder, linkFaults } from './link.ts'

/** A linked image, and the services that it publishes: those of its files that are neither imports nor common files. */
export type Image = { set: FileDescriptorSet; registry: FileRegistry; services: DescService[] }

/**
 * What the server is willing to link. Everything that is done with an image takes time linear in these, so they bound how long
 * an image can keep a replica busy. The transport already limits the bytes to 4 MiB.
 */
const limits = { bytes: 4 * 1024 * 1024, files: 1_000 }

/** Files that `buf build` brings along when they are part of the workspace. They may hold services; nobody means those. */
const commonFile = /^(google\/(api|longrunning|protobuf|rpc|type)|buf\/validate)\//

/**
 * Reads a google.protobuf.FileDescriptorSet, as `buf build` or protoc write it, and links it. Files may be in any order.
 * Throws the DeedError CONTRACT_INVALID when it does not decode or link, with everything that keeps it from linking.
 */
export function readImage(bytes: Uint8Array): Image {
  if (bytes.byteLength > limits.bytes) refuse(`is larger than ${limits.bytes} bytes`)
  const given = decode(bytes)
  if (given.file.length === 0) refuse('holds no file')
  if (given.file.length > limits.files) refuse(`holds more than ${limits.files} files`)
  const faults = linkFaults(given)
  if (faults.length > 0) throw contractInvalid(faults)
  const set: FileDescriptorSet = { ...given, file: inImportOrder(given) }
  const registry = link(set)
  const published = new Set(set.file.filter((file) => !isImport(file) && !commonFile.test(file.name)))
  const services = [...registry.files].filter(({ proto }) => published.has(proto)).flatMap((file) => file.services)
  return { set, registry, services }
}

function decode(bytes: Uint8Array): FileDescriptorSet {
  try {
    return fromBinary(FileDescriptorSetSchema, bytes)
  } catch {
    return refuse('is not a google.protobuf.FileDescriptorSet')
  }
}

function link(set: FileDescriptorSet): FileRegistry {
  try {
    const registry = createFileRegistry(set)
    for (const type of registry) if (type.kind === 'message') keepOffPrototype(type)
    return registry
  } catch (error) {
    return refuse(`does not link: ${error instanceof Error ? error.message : error}`)
  }
}

/**
 * protobuf-es reads a field that is not set from where all objects inherit it: of one named has_own_property it would find a
 * function, and write the nested message of one call into it, for all others to see. It renames `constructor` and some more for
 * that reason, as is done here with the rest. Only protobuf-es sees these names.
 */
function keepOffPrototype(message: DescMessage): void {
  for (const field of message.fields.filter(({ localName }) => localName in Object.prototype)) {
    delete message.field[field.localName]
    Object.assign(field, { localName: `${field.localName}$` })
    message.field[field.localName] = field
  }
}

function refuse(cause: string): never {
  const fault: Fault = { file: '', element: '', cause: `the image ${cause}` }
  throw contractInvalid([fault])
}

/** buf marks imports in an extension of its own: FileDescriptorProto.buf_extension = 8042, whose is_import = 1. */
function isImport(file: FileDescriptorProto): boolean {
  const extension = file.$unknown?.find(({ no, wireType }) => no === 8042 && wireType === WireType.LengthDelimited)
  if (!extension) return false
  try {
    const reader = new BinaryReader(new BinaryReader(extension.data).bytes())
    while (reader.pos < reader.len) {
      const [no, wireType] = reader.tag()
      if (no === 1 && wireType === WireType.Varint) return reader.uint64() !== protoInt64.zero
      reader.skip(wireType, no)
    }
  } catch {
    return false
  }
  return false
}
