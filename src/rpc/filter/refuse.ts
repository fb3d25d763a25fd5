import { status } from '@grpc/grpc-js'
import { DeedError } from '../../errors/deed-error.ts'

const served =
  'state, done, contract and method can be compared by =, accept_time and settle_time by =, <, <=, > and >=; AND joins comparisons'

/** FILTER_INVALID: what is wrong with the filter at a place, from 0, and what can be served. */
export function filterInvalid(at: number, fault: string): DeedError {
  return invalid('filter', `at character ${at + 1}: ${fault}; ${served}`)
}

/** FILTER_INVALID for an order that no index has. */
export function orderInvalid(): DeedError {
  return invalid('order_by', 'must be "accept_time desc", which is the default, or "accept_time"')
}

function invalid(field: string, description: string): DeedError {
  return new DeedError(status.INVALID_ARGUMENT, 'FILTER_INVALID', `the ${field} cannot be served`, {
    fieldViolations: [{ field, description }],
  })
}
