import { createRegistry, type DescMessage } from '@bufbuild/protobuf'
import {
  AnySchema,
  file_google_protobuf_duration,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt'

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

function shape({ fields }: DescMessage): string {
  return fields
    .map(({ number, name, proto }) => [number, name, proto.type, proto.label, proto.typeName].join())
    .join(';')
}
