import { create, createFileRegistry, type DescMessage, setExtension } from '@bufbuild/protobuf'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { FieldRulesSchema, field as fieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'

/** Requests that one operation of a client-streaming method takes at the most. */
export const maxRequests = 10_000

const fieldNumber = 1

/** No contract may declare a message in it. */
const streamsPackage = 'deed.streams'

/**
 * The type of what an operation of a client-streaming method is asked: `message { repeated Request requests = 1; }` with one request
 * at least. A message of its own, so that what decodes, validates, compares and shows a request does so with many.
 */
export function requestList(request: DescMessage): DescMessage {
  const { name } = request
  const packageName = [streamsPackage, request.file.proto.package].filter(Boolean).join('.')
  const options = create(FieldOptionsSchema)
  const rules = { minItems: 1n, maxItems: BigInt(maxRequests) }
  setExtension(options, fieldRules, create(FieldRulesSchema, { type: { case: 'repeated', value: rules } }))
  const field = create(FieldDescriptorProtoSchema, {
    name: 'requests',
    jsonName: 'requests',
    number: fieldNumber,
    label: FieldDescriptorProto_Label.REPEATED,
    type: FieldDescriptorProto_Type.MESSAGE,
    typeName: `.${request.typeName}`,
    options,
  })
  const file = create(FileDescriptorProtoSchema, {
    name: 'requests.proto',
    syntax: 'proto3',
    package: packageName,
    dependency: [request.file.proto.name],
    messageType: [{ name, field: [field] }],
  })
  const list = createFileRegistry(file, () => request.file).getMessage(`${packageName}.${name}`)
  if (!list) throw new Error(`no list of ${request.typeName}`)
  return list
}

/** The bytes of a {@link requestList} message that holds these requests, each as its caller sent it. */
export function joinRequests(requests: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter()
  for (const bytes of requests) writer.tag(fieldNumber, WireType.LengthDelimited).bytes(bytes)
  return writer.finish()
}

/** The requests in the bytes of a {@link requestList} message. */
export function splitRequests(bytes: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(bytes)
  const requests: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    if (number === fieldNumber && type === WireType.LengthDelimited) requests.push(reader.bytes())
    else reader.skip(type, number)
  }
  return requests
}

/** What a method takes, in words: `acme.v1.Order`, or `stream of acme.v1.Order`. */
export function inputName({ typeName }: DescMessage): string {
  return typeName.startsWith(`${streamsPackage}.`) ? `stream of ${typeName.slice(streamsPackage.length + 1)}` : typeName
}
