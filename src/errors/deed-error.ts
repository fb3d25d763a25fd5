import type { status } from '@grpc/grpc-js'

/** The `reason` of an ErrorInfo: a value of `deed.v1.ErrorReason` without its prefix (proto/deed/v1/error_reason.proto). */
export type Reason =
  | 'REQUEST_MALFORMED'
  | 'REQUEST_INVALID'
  | 'REQUEST_TOO_LARGE'
  | 'CREDENTIALS_MISSING'
  | 'CREDENTIALS_INVALID'
  | 'ROLE_NOT_ALLOWED'
  | 'IDEMPOTENCY_KEY_INVALID'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'CONTRACT_INVALID'
  | 'CONTRACT_BREAKING'
  | 'CONTRACT_NOT_FOUND'
  | 'OPERATION_NOT_FOUND'
  | 'API_KEY_NOT_FOUND'
  | 'STORAGE_UNAVAILABLE'
  | 'SHUTTING_DOWN'
  | 'ANSWER_INVALID'
  | 'MODEL_REFUSED'
  | 'MODEL_REJECTED_REQUEST'
  | 'MODELS_EXHAUSTED'
  | 'MODEL_NOT_CONFIGURED'
  | 'REPLICA_LOST'
  | 'OPERATION_TIMED_OUT'
  | 'OPERATION_CANCELLED'
  | 'INTERNAL'
  | 'OVERLOADED'
  | 'CONTRACT_CONTENDED'
  | 'OPERATION_NOT_ENDED'
  | 'METHOD_NOT_FOUND'
  | 'FILTER_INVALID'
  | 'PROJECT_NOT_FOUND'
  | 'CASSETTE_MISS'

/** One field of a google.rpc.BadRequest. `field` is a protobuf field path such as `items[2].price`. */
export type FieldViolation = { field: string; description: string; reason?: string }

/** What a google.rpc.Status carries beside its code and message. */
export type ErrorDetails = {
  /** google.rpc.BadRequest */
  fieldViolations?: readonly FieldViolation[]
  /** google.rpc.RetryInfo: only on what was not accepted, or goes on under its key. */
  retryDelayMs?: number
  /** google.rpc.PreconditionFailure */
  preconditions?: readonly { type: string; subject: string; description: string }[]
  /** google.rpc.QuotaFailure */
  quotas?: readonly { subject: string; description: string }[]
  /** Metadata of the google.rpc.ErrorInfo. */
  metadata?: Readonly<Record<string, string>>
}

/** The one error that is meant for callers. Anything else that is thrown becomes INTERNAL at the edge. */
export class DeedError extends Error {
  override readonly name = 'DeedError'
  readonly code: status
  readonly reason: Reason
  readonly details: ErrorDetails

  constructor(code: status, reason: Reason, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.reason = reason
    this.details = details
  }
}
