import { readFileSync } from 'node:fs'
import { createFileRegistry, type DescExtension, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

// By the name that others find it by: an installed package has its sources compiled elsewhere.
const path = new URL(import.meta.resolve('deed/gen/deed.binpb'))
const set = fromBinary(FileDescriptorSetSchema, readFileSync(path))

/** Deed's own descriptors with all that they import: its API, its annotations, protovalidate's rules. */
export const ownRegistry: FileRegistry = createFileRegistry(set)

/** An option of `deed/v1/annotations.proto`, by its full name. */
export function ownOption(name: 'deed.v1.service' | 'deed.v1.method' | 'deed.v1.field'): DescExtension {
  const option = ownRegistry.getExtension(name)
  if (!option) throw new Error(`gen/deed.binpb lacks ${name}`)
  return option
}
