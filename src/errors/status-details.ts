import { status as statusCode } from '@grpc/grpc-js'
import {
  BadRequest,
  ErrorInfo,
  PreconditionFailure,
  QuotaFailure,
  RetryInfo,
} from '../../gen/google/rpc/error_details.ts'
import type { Status } from '../../gen/google/rpc/status.ts'

/** A google.rpc.Status with its details decoded, as the commands print it in JSON. What is empty is left out. */
export type StatusDetails = {
  /** `INVALID_ARGUMENT` */
  code: string
  /** Of the ErrorInfo, such as `REQUEST_INVALID`. */
  reason?: string
  message: string
  violations?: { field: string; description: string; reason: string }[]
  preconditions?: { type: string; subject: string; description: string }[]
  quotas?: { subject: string; description: string }[]
  retryAfterSeconds?: number
  metadata?: Readonly<Record<string, string>>
}

/** Decodes what Deed sends; details of other types are skipped. Throws when one of those does not decode. */
export function readStatus({ code, message, details }: Status): StatusDetails {
  const result: StatusDetails = { code: codeName(code), message }
  for (const { typeUrl, value } of details) {
    const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
    if (type === 'google.rpc.ErrorInfo') {
      const { reason, metadata } = ErrorInfo.decode(value)
      result.reason = reason
      if (Object.keys(metadata).length > 0) result.metadata = metadata
    } else if (type === 'google.rpc.BadRequest') {
      result.violations = BadRequest.decode(value).fieldViolations.map(({ field, description, reason }) => ({
        field,
        description,
        reason,
      }))
    } else if (type === 'google.rpc.PreconditionFailure') {
      result.preconditions = PreconditionFailure.decode(value).violations.map(({ type, subject, description }) => ({
        type,
        subject,
        description,
      }))
    } else if (type === 'google.rpc.QuotaFailure') {
      result.quotas = QuotaFailure.decode(value).violations.map(({ subject, description }) => ({
        subject,
        description,
      }))
    } else if (type === 'google.rpc.RetryInfo') {
      const { seconds, nanos } = RetryInfo.decode(value).retryDelay ?? { seconds: 0n, nanos: 0 }
      result.retryAfterSeconds = Number(seconds) + nanos / 1e9
    }
  }
  return result
}

/** Each violation in a line for a person. */
export function statusLines({ reason, violations = [], preconditions = [], quotas = [] }: StatusDetails): string[] {
  return [
    // Those of an image name file and element themselves.
    ...violations.map(({ field, description }) =>
      field === '' || reason === 'CONTRACT_INVALID' ? description : `${field}: ${description}`,
    ),
    ...preconditions.map(({ subject, description }) => [subject, description].filter(Boolean).join(': ')),
    ...quotas.map(({ subject, description }) => [subject, description].filter(Boolean).join(': ')),
  ]
}

/** `INVALID_ARGUMENT (REQUEST_INVALID): the request breaks a rule` */
export function statusLine({ code, reason, message }: StatusDetails): string {
  const text = message.replace(/\s*\n\s*/g, ' ').trim()
  return `${reason === undefined ? code : `${code} (${reason})`}${text === '' ? '' : `: ${text}`}`
}

function codeName(code: number): string {
  return statusCode[code] ?? String(code)
}
