import { type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'

/** The part of a method that says where its requests have their id; found when the method is loaded. */
type Asked = { input: DescMessage; requestIdField: DescField | undefined }

/** The field `request_id` of a request, as https://google.aip.dev/155 has it; undefined when the type has no such string. */
export function requestIdField(input: DescMessage): DescField | undefined {
  return input.fields.find(
    ({ name, fieldKind, scalar }) => name === 'request_id' && fieldKind === 'scalar' && scalar === ScalarType.STRING,
  )
}

/** What a request says in its field `request_id`, which is an idempotency key too. Undefined when it says nothing. */
export function requestId({ input, requestIdField: field }: Asked, message: Message): string | undefined {
  if (!field) return undefined
  const request = reflect(input, message)
  const value = request.isSet(field) ? request.get(field) : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}
