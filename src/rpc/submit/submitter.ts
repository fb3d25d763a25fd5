import { status } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import type { Operation } from '../../../gen/google/longrunning/operations.ts'
import type { Status } from '../../../gen/google/rpc/status.ts'
import type { LiveContracts } from '../../contracts/live.ts'
import type { Method } from '../../contracts/method.ts'
import { DeedError } from '../../errors/deed-error.ts'
import type { Submission, Submitted } from '../../operations/call.ts'
import { timeOf } from '../../operations/ids.ts'
import type { Operations } from '../../operations/operations.ts'
import { operationNotFound } from '../../operations/outcome.ts'
import { toRefusal } from '../errors.ts'
import { type Standing, toLongRunning } from '../long-running.ts'
import type { OperationReader } from '../operation-reader.ts'

/** What callers get who do not wait for the end: the operation as it stands once it is committed. */
export class Submitter {
  readonly #live: LiveContracts
  readonly #operations: Operations
  readonly #reader: OperationReader

  readonly #log: Logger

  constructor(live: LiveContracts, operations: Operations, reader: OperationReader, log: Logger) {
    this.#log = log
    this.#live = live
    this.#operations = operations
    this.#reader = reader
  }

  /** The method of the active version. `path` has no leading slash. Throws METHOD_NOT_FOUND. */
  method(projectId: string, path: string): Method {
    const [contract = '', name = ''] = path.split('/')
    const method = this.#live.get(projectId, contract)?.methods.get(name)
    if (method) return method
    const message = `this project has no method ${path}`
    throw new DeedError(status.NOT_FOUND, 'METHOD_NOT_FOUND', message, { metadata: { method: path } })
  }

  /** Only what an earlier call had made is read back. */
  async submit(submission: Submission): Promise<{ standing: Standing; replayed: boolean }> {
    const submitted = await this.#operations.submit(submission)
    if (!submitted.replayed) return { standing: fresh(submission, submitted), replayed: false }
    const standing = await this.#reader.read(submission.projectId, submitted.operationId)
    // Its key is still taken.
    if (!standing) throw operationNotFound(submitted.operationId)
    return { standing, replayed: true }
  }

  /** The operation as its callers see it. */
  toLongRunning(projectId: string, standing: Standing): Promise<Operation> {
    return toLongRunning(this.#live, projectId, standing)
  }

  /** An error as the status of one among many. */
  toRefusal(error: unknown): Status {
    return toRefusal(error, this.#log)
  }
}

/** The commit followed the time in the id by a few milliseconds. */
function fresh({ method, retryOf }: Submission, { operationId, state }: Submitted): Standing {
  return {
    id: operationId,
    contract: method.contract,
    version: method.version,
    method: method.name,
    retryOf: retryOf ?? null,
    acceptedAt: new Date(timeOf(operationId)),
    state,
    attempts: state === 'RUNNING' ? 1 : 0,
    code: null,
    response: null,
    model: null,
    cachedFrom: null,
    settledAt: null,
  }
}
