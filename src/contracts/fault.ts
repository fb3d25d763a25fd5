import { status } from '@grpc/grpc-js'
import { DeedError } from '../errors/deed-error.ts'

/**
 * What is wrong with an image. `file` is its path in the image, `element` the full name of the service, method, message or
 * field (`acme.v1.TicketService.TriageTicket`). Either is empty when the fault has none.
 */
export type Fault = { file: string; element: string; cause: string }

/**
 * INVALID_ARGUMENT CONTRACT_INVALID with one field violation per fault: `field` is always `image`, the field of the request
 * that has to change, and `description` reads `file: element: cause`, so that printing it alone is enough.
 */
export function contractInvalid(faults: readonly Fault[]): DeedError {
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
  const fieldViolations = faults.map(({ file, element, cause }) => ({
    field: 'image',
    description: [file, element, cause].filter((part) => part !== '').join(': '),
    reason: 'CONTRACT_INVALID',
  }))
  return new DeedError(status.INVALID_ARGUMENT, 'CONTRACT_INVALID', `the image has ${count}`, { fieldViolations })
}
