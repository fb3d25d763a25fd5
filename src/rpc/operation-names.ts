import { status } from '@grpc/grpc-js'
import { DeedError, type FieldViolation } from '../errors/deed-error.ts'

const form = /^operations\/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})$/

/** The id in `operations/{id}`. Throws REQUEST_INVALID: google's own messages have no rules. */
export function operationId(name: string): string {
  const id = form.exec(name)?.[1]
  if (id !== undefined) return id
  throw requestInvalid({ field: 'name', description: 'must be operations/{id}, with a UUIDv7 in lower case' })
}

/** REQUEST_INVALID, for what the rules of the proto do not say. */
export function requestInvalid(...fieldViolations: FieldViolation[]): DeedError {
  return new DeedError(status.INVALID_ARGUMENT, 'REQUEST_INVALID', 'the request is not valid', { fieldViolations })
}

/** OPERATION_NOT_ENDED: what is asked for needs a result. */
export function operationNotEnded(name: string, advice: string): DeedError {
  return new DeedError(status.FAILED_PRECONDITION, 'OPERATION_NOT_ENDED', `${name} has not ended: ${advice}`, {
    metadata: { name },
    preconditions: [{ type: 'OPERATION', subject: name, description: advice }],
  })
}
