import { type Metadata, status } from '@grpc/grpc-js'
import { DeedError } from '../errors/deed-error.ts'

const form = /^[!-~](?:[ -~]{0,253}[!-~])?$/
const must = 'with 1 to 255 printable ASCII characters, without ", " or spaces at its ends'

/**
 * The call's idempotency key, or undefined: what its metadata says, or a field of its request, such as `request_id`; both must
 * be the same. Throws IDEMPOTENCY_KEY_INVALID.
 */
export function idempotencyKey(
  metadata: Metadata,
  fields: Readonly<Record<string, string | undefined>> = {},
): string | undefined {
  let [key, from] = [metadataKey(metadata), 'metadata.idempotency-key']
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined || value === '') continue
    if (!isKey(value)) throw invalidKey(field, `must be ${must}`)
    if (key !== undefined && key !== value)
      throw invalidKey(field, `must be the same as ${from}, or only one of them given`)
    key = value
    from = field
  }
  return key
}

function metadataKey(metadata: Metadata): string | undefined {
  const values = metadata.get('idempotency-key')
  if (values.length === 0) return undefined
  const [key] = values
  // Node joins repeated headers with a comma, so a key with ", " may be two: refused, since the two would be one key.
  if (values.length === 1 && typeof key === 'string' && isKey(key)) return key
  throw invalidKey('metadata.idempotency-key', `must be given once, ${must}`)
}

function isKey(text: string): boolean {
  return form.test(text) && !text.includes(', ')
}

/** IDEMPOTENCY_KEY_INVALID for a key in the metadata or in a field. */
export function invalidKey(field: string, description: string): DeedError {
  const what = field === 'metadata.idempotency-key' ? 'the metadata idempotency-key' : field
  return new DeedError(status.INVALID_ARGUMENT, 'IDEMPOTENCY_KEY_INVALID', `${what} ${description}`, {
    fieldViolations: [{ field, description }],
  })
}
