import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  QuotaFailure,
  RetryInfo,
} from '../../gen/google/rpc/error_details.ts'
import { Status } from '../../gen/google/rpc/status.ts'
import type { DeedError } from './deed-error.ts'

/** The `domain` of every google.rpc.ErrorInfo that Deed makes. */
export const errorDomain = 'deed.v1'

/** Most field violations that one status carries: HTTP/2 header lists are limited, and nobody reads more. */
const maxViolations = 64
/** A description longer than this is cut. */
const maxDescription = 500

type Any = Status['details'][number]

/** The error as google.rpc.Status, with ErrorInfo first and then what else it carries. */
export function toStatus(error: DeedError): Status {
  const { fieldViolations, retryDelayMs, preconditions, quotas, metadata } = error.details
  const details: Any[] = [
    any(
      'ErrorInfo',
      ErrorInfo.encode(
        ErrorInfo.fromPartial({ reason: error.reason, domain: errorDomain, metadata: { ...metadata } }),
      ).finish(),
    ),
  ]
  if (fieldViolations && fieldViolations.length > 0) {
    const shown = fieldViolations
      .slice(0, maxViolations)
      .map((v) => ({ ...v, description: cut(v.description), field: cut(v.field) }))
    const more = fieldViolations.length - shown.length
    if (more > 0) shown.push({ field: '', description: `${more} more violations are not shown` })
    details.push(any('BadRequest', BadRequest.encode(BadRequest.fromPartial({ fieldViolations: shown })).finish()))
  }
  if (retryDelayMs !== undefined) {
    const retryDelay = {
      seconds: BigInt(Math.floor(retryDelayMs / 1000)),
      nanos: Math.round((retryDelayMs % 1000) * 1e6),
    }
    details.push(any('RetryInfo', RetryInfo.encode(RetryInfo.fromPartial({ retryDelay })).finish()))
  }
  if (preconditions && preconditions.length > 0) {
    const violations = preconditions.slice(0, maxViolations).map((v) => ({ ...v, description: cut(v.description) }))
    details.push(
      any('PreconditionFailure', PreconditionFailure.encode(PreconditionFailure.fromPartial({ violations })).finish()),
    )
  }
  if (quotas && quotas.length > 0) {
    details.push(
      any('QuotaFailure', QuotaFailure.encode(QuotaFailure.fromPartial({ violations: [...quotas] })).finish()),
    )
  }
  return { code: error.code, message: cut(error.message), details }
}

/** {@link toStatus}, encoded: what is stored as a result and sent as `grpc-status-details-bin`. */
export function encodeStatus(error: DeedError): Uint8Array {
  return Status.encode(toStatus(error)).finish()
}

function any(name: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) }
}

function cut(text: string): string {
  return text.length <= maxDescription ? text : `${text.slice(0, maxDescription - 1)}…`
}
