import { fileURLToPath } from 'node:url'
import { create, createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { type AnyDefinition, loadSync, type ServiceDefinition } from '@grpc/proto-loader'
import { protoPath as healthProto } from 'grpc-health-check'

const reflectionProto = (version: string) =>
  fileURLToPath(
    new URL(`../proto/grpc/reflection/${version}/reflection.proto`, import.meta.resolve('@grpc/reflection')),
  )

const options = { longs: String, enums: String, defaults: true, oneofs: true }
const loaded = loadSync([reflectionProto('v1'), reflectionProto('v1alpha'), healthProto], options)

/** The descriptors of gRPC's own services: health, and reflection in both versions. */
export const standardRegistry: FileRegistry = link()

/** `grpc.reflection.v1.ServerReflection` and its older name. The two differ in nothing else. */
export const reflectionServices: readonly ServiceDefinition[] = ['v1', 'v1alpha'].map((version) => {
  const definition = loaded[`grpc.reflection.${version}.ServerReflection`]
  if (!definition || isType(definition)) throw new Error(`@grpc/reflection lacks version ${version}`)
  return definition
})

/** Every type brings all the files that were loaded with it. */
function link(): FileRegistry {
  const files = new Map<string, FileDescriptorProto>()
  for (const definition of Object.values(loaded)) {
    if (!isType(definition)) continue
    for (const bytes of definition.fileDescriptorProtos) {
      const file = fromBinary(FileDescriptorProtoSchema, bytes)
      files.set(file.name, file)
    }
  }
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...files.values()] }))
}

function isType(definition: AnyDefinition): definition is Exclude<AnyDefinition, ServiceDefinition> {
  return 'format' in definition
}
