import { type Metadata, status } from '@grpc/grpc-js'
import { DeedError } from '../errors/deed-error.ts'

/** The call's idempotency key, or undefined. Throws IDEMPOTENCY_KEY_INVALID. */
export function idempotencyKey(metadata: Metadata): string | undefined {
  const values = metadata.get('idempotency-key')
  if (values.length === 0) return undefined
  const [key] = values
  // Node joins repeated headers with a comma, so a key with ", " may be two: refused, since the two would be one key.
  if (
    values.length === 1 &&
    typeof key === 'string' &&
    /^[!-~](?:[ -~]{0,253}[!-~])?$/.test(key) &&
    !key.includes(', ')
  )
    return key
  const description = 'must be given once, with 1 to 255 printable ASCII characters, without ", " or spaces at its ends'
  throw new DeedError(
    status.INVALID_ARGUMENT,
    'IDEMPOTENCY_KEY_INVALID',
    `the metadata idempotency-key ${description}`,
    {
      fieldViolations: [{ field: 'metadata.idempotency-key', description }],
    },
  )
}
