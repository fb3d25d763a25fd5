import { readFileSync } from 'node:fs'
import {
  createFileRegistry,
  type DescExtension,
  type DescMessage,
  type FileRegistry,
  fromBinary,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

// By the name that others find it by: an installed package has its sources compiled elsewhere.
const path = new URL(import.meta.resolve('deed/gen/deed.binpb'))
const set = fromBinary(FileDescriptorSetSchema, readFileSync(path))

/** Deed's own descriptors with all that they import: its API, its annotations, protovalidate's rules. */
export const ownRegistry: FileRegistry = createFileRegistry(set)

type OptionName = 'deed.v1.service' | 'deed.v1.method' | 'deed.v1.field' | 'google.longrunning.operation_info'

/** An option that contracts may have, by its full name. */
export function ownOption(name: OptionName): DescExtension {
  const option = ownRegistry.getExtension(name)
  if (!option) throw new Error(`gen/deed.binpb lacks ${name}`)
  return option
}

/** A message of Deed's API or of what that imports, by its full name. */
export function ownMessage(name: string): DescMessage {
  const message = ownRegistry.getMessage(name)
  if (!message) throw new Error(`gen/deed.binpb lacks ${name}`)
  return message
}
