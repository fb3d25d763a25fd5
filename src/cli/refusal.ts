import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { Status } from '../../gen/google/rpc/status.ts'
import { readStatus, type StatusDetails, statusLine, statusLines } from '../errors/status-details.ts'
import { Failure } from './failure.ts'

const detailsKey = 'grpc-status-details-bin'

/** Whether an error came with details, as all do that Deed makes: the others are made by gRPC, often without a server. */
export function wasDetailed({ metadata }: ServiceError): boolean {
  return metadata.get(detailsKey).length > 0
}

/** What a server said to a call, as a Failure: each violation in a line of its own, and what to do about it. */
export function refusal(error: ServiceError): Failure {
  const details = decode(error)
  const operation = error.metadata.get('deed-operation').map(String)[0]
  const json = { ...details, ...(operation !== undefined && { operation }) }
  const message = `${statusLine(details)}${operation === undefined ? '' : ` (${operation})`}`
  return new Failure(message, { hint: hintOf(details), lines: statusLines(details), json }, error)
}

function decode({ code, details: message, metadata = new Metadata() }: ServiceError): StatusDetails {
  const [bytes] = metadata.get(detailsKey)
  // gRPC's own words tell where the call was on its way, not what happened.
  const late = code === status.DEADLINE_EXCEEDED ? 'no answer before the deadline' : message
  const bare = { code, message: late, details: [] }
  if (!Buffer.isBuffer(bytes)) return readStatus(bare)
  try {
    return readStatus(Status.decode(bytes))
  } catch {
    return readStatus(bare)
  }
}

const hints: Readonly<Record<string, string>> = {
  CREDENTIALS_MISSING: 'set DEED_KEY',
  CREDENTIALS_INVALID: 'set DEED_KEY to a key of this server, or DEED_DATA_DIR to its data folder',
  ROLE_NOT_ALLOWED: 'use a key with another role: an admin makes one with "npx deed key create --role ROLE"',
  CONTRACT_BREAKING: 'publish it all the same with --allow-breaking',
  CONTRACT_NOT_FOUND: '"npx deed contract list" shows which there are',
  OPERATION_NOT_FOUND: '"npx deed operation list" shows which there are',
  API_KEY_NOT_FOUND: '"npx deed key list" shows which there are',
  MODEL_NOT_CONFIGURED: 'give the server what the model needs, or name another in the contract',
}

function hintOf({ code, reason, retryAfterSeconds }: StatusDetails): string | undefined {
  if (reason !== undefined && hints[reason] !== undefined) return hints[reason]
  if (retryAfterSeconds !== undefined) return `try again in ${Math.ceil(retryAfterSeconds)} s`
  if (code === status[status.DEADLINE_EXCEEDED] && reason === undefined) {
    return 'give it more time with --deadline; with --idempotency-key the same call later returns its result'
  }
  return undefined
}
