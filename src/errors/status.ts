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

/**
 * Bytes of violations that one status carries. It travels as base64 in a header, and gRPC's C core, under most languages'
 * clients, may drop a reply whose metadata is over 8 KiB.
 */
const maxViolationBytes = 4_600
/** Characters of a text after which it is cut. */
const maxText = 400

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
    const shown = fitting(fieldViolations.map((v) => ({ ...v, description: cut(v.description), field: cut(v.field) })))
    const more = fieldViolations.length - shown.length
    if (more > 0) shown.push({ field: '', description: `${more} more are not shown` })
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
    const violations = fitting(preconditions.map((v) => ({ ...v, description: cut(v.description) })))
    const more = preconditions.length - violations.length
    if (more > 0) violations.push({ type: '', subject: '', description: `${more} more are not shown` })
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

/** An encoded google.rpc.Status with more in the metadata of its ErrorInfo. */
export function withMetadata(bytes: Uint8Array, more: Readonly<Record<string, string>>): Uint8Array {
  const decoded = Status.decode(bytes)
  const details = decoded.details.map((detail) => {
    if (detail.typeUrl !== 'type.googleapis.com/google.rpc.ErrorInfo') return detail
    const info = ErrorInfo.decode(detail.value)
    return any('ErrorInfo', ErrorInfo.encode({ ...info, metadata: { ...info.metadata, ...more } }).finish())
  })
  return Status.encode({ ...decoded, details }).finish()
}

function any(name: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) }
}

function cut(text: string): string {
  return text.length <= maxText ? text : `${text.slice(0, maxText - 1)}…`
}

/** As many of the first violations as fit. */
function fitting<T extends object>(violations: readonly T[]): T[] {
  let bytes = 0
  const end = violations.findIndex((violation) => {
    bytes += Object.values(violation).reduce((sum, text) => sum + Buffer.byteLength(String(text)) + 4, 8)
    return bytes > maxViolationBytes
  })
  return violations.slice(0, end < 0 ? violations.length : end)
}
