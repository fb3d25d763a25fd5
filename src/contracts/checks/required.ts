import { type DescField, getOption } from '@bufbuild/protobuf'
import { Ignore, field as rules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'

/** Whether protovalidate requires a field to be set. */
export function requiredOption(field: DescField): boolean {
  const { required, ignore } = getOption(field, rules)
  return required && ignore !== Ignore.ALWAYS
}
