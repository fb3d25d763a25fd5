import { createRegistry, type DescMessage } from '@bufbuild/protobuf'
import {
  AnySchema,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt'
import { ownMessage } from '../own-image.ts'

const genuine = createRegistry(
  AnySchema,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
)

/** Protobuf's runtimes treat these types specially by their name alone, so an image must not give them other fields. */
export function changedWellKnown(desc: DescMessage): string | undefined {
  const original = genuine.getMessage(desc.typeName)
  return original && shape(original) !== shape(desc) ? 'is not the google.protobuf type of that name' : undefined
}

const operation = new Set(
  ['Operation', 'OperationInfo'].map((name) => `google.longrunning.${name}`).concat('google.rpc.Status'),
)

/** What a long-running method returns goes out as Deed has it, so an image must not give it other fields either. */
export function changedOperation(desc: DescMessage): string | undefined {
  if (!operation.has(desc.typeName)) return undefined
  const isGenuine = shape(ownMessage(desc.typeName)) === shape(desc)
  return isGenuine ? undefined : `is not the ${desc.typeName} that clients know`
}

function shape({ fields }: DescMessage): string {
  return fields
    .map(({ number, name, oneof, proto }) =>
      [number, name, oneof?.name, proto.type, proto.label, proto.typeName].join(),
    )
    .join(';')
}
