import { type ServiceError, status } from '@grpc/grpc-js'
import { BadRequest, ErrorInfo, PreconditionFailure, QuotaFailure, RetryInfo } from './gen/google/rpc/error_details.ts'
import { Status } from './gen/google/rpc/status.ts'

/** A call that ended in an error, with what the google.rpc.Status in its trailers says beside the code. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: status
  /** A value of deed.v1.ErrorReason, such as `REQUEST_INVALID`. Undefined when it was not Deed that made the error. */
  readonly reason: string | undefined
  /** Milliseconds of the RetryInfo. */
  readonly retryDelayMs: number | undefined
  /** Violations of fields, preconditions and quotas, a line for each. */
  readonly violations: readonly string[]

  constructor({ code, details, metadata }: ServiceError) {
    super(details)
    this.code = code
    const [bytes] = metadata.get('grpc-status-details-bin')
    const all = Buffer.isBuffer(bytes) ? Status.decode(bytes).details : []
    const detail = <T>(name: string, type: { decode(value: Uint8Array): T }): T | undefined => {
      const found = all.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`)
      return found && type.decode(found.value)
    }
    this.reason = detail('ErrorInfo', ErrorInfo)?.reason
    const delay = detail('RetryInfo', RetryInfo)?.retryDelay
    this.retryDelayMs = delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6
    const fields = detail('BadRequest', BadRequest)?.fieldViolations ?? []
    const preconditions = detail('PreconditionFailure', PreconditionFailure)?.violations ?? []
    const quotas = detail('QuotaFailure', QuotaFailure)?.violations ?? []
    this.violations = [
      ...fields.map(({ field, description }) => `field ${field}: ${description}`),
      ...preconditions.map(({ subject, description }) => `precondition ${subject}: ${description}`),
      ...quotas.map(({ subject, description }) => `quota ${subject}: ${description}`),
    ]
  }

  /**
   * Whether the same call, under the same key, may end otherwise. Deed sends RetryInfo with what it did not accept and with
   * what goes on under its key; a server that cannot be reached sends nothing. A stored result has neither: it is final.
   */
  get mayBeRepeated(): boolean {
    return this.retryDelayMs !== undefined || this.code === status.UNAVAILABLE
  }

  /** Whether the work may go on: the call may be repeated, or it was only the caller's own wait that ended. */
  get mayGoOn(): boolean {
    return this.mayBeRepeated || (this.code === status.DEADLINE_EXCEEDED && this.reason === undefined)
  }

  /** `INVALID_ARGUMENT (REQUEST_INVALID)` */
  get title(): string {
    const code = status[this.code] ?? String(this.code)
    return this.reason === undefined ? code : `${code} (${this.reason})`
  }
}
