import { OperationServiceService as Service, type SubmitOutcome } from '../../gen/deed/v1/operation_service.ts'
import type { Operation } from '../../gen/google/longrunning/operations.ts'
import { readStatus, statusLine } from '../errors/status-details.ts'
import type { Prepared } from './batch-request.ts'
import type { Result } from './batch-results.ts'
import type { Connection } from './connect.ts'
import { Failure } from './failure.ts'
import { operationViewer } from './operation-view.ts'
import { waitForEnd } from './operation-wait.ts'
import { isTransient, type Persistence, pause, pauseAfter, persist } from './persist.ts'

export type BatchWork = {
  connection: Connection
  /** As many are unfinished at the most. */
  concurrency: number
  persistence: Persistence
  /** Ends everything that waits, when one thing cannot go on. */
  stop: () => void
  /** Resolves when it is kept. */
  settle(result: Result): Promise<void>
}

/**
 * Has requests accepted in batches and waits for each of them. There is one wait for each operation, over one connection: a
 * watch would tell what ended, but not with what.
 */
export class BatchSender {
  readonly #work: BatchWork
  readonly #view: ReturnType<typeof operationViewer>
  #unfinished = 0
  #failure: unknown
  #changed = Promise.withResolvers<void>()

  constructor(work: BatchWork) {
    this.#work = work
    this.#view = operationViewer(work.connection)
  }

  /** What keeps the whole from going on; undefined when nothing does. */
  get failure(): unknown {
    return this.#failure
  }

  /** Resolves when the server has accepted or refused them all. Throws what keeps the whole from going on. */
  async send(chunk: readonly Prepared[]): Promise<void> {
    await this.#until(() => this.#unfinished === 0 || this.#unfinished + chunk.length <= this.#work.concurrency)
    this.#unfinished += chunk.length
    let left = chunk
    for (let failures = 1; left.length > 0; failures++) {
      const { again, after } = await this.#submit(left)
      left = again
      if (after) await pause(pauseAfter(after, failures), this.#work.persistence.signal)
    }
  }

  /** Resolves when each has its result. */
  async end(): Promise<void> {
    await this.#until(() => this.#unfinished === 0)
  }

  /** Returns those that are to be sent again, and why. */
  async #submit(chunk: readonly Prepared[]): Promise<{ again: Prepared[]; after?: Failure }> {
    const { connection, persistence } = this.#work
    const requests = chunk.map(({ request }) => request)
    let outcomes: readonly SubmitOutcome[]
    try {
      const submit = () => connection.call(Service.batchSubmitOperations, { requests })
      ;({ outcomes } = (await persist(submit, persistence)).response)
    } catch (error) {
      const [only] = chunk
      if (!(error instanceof Failure) || error.json['reason'] !== 'REQUEST_TOO_LARGE') throw error
      if (!only || chunk.length > 1) throw error
      this.#keep(only, { error: error.json }) // its own fault
      return { again: [] }
    }
    const again: Prepared[] = []
    let after: Failure | undefined
    for (const [index, each] of chunk.entries()) {
      const outcome = outcomes[index]?.outcome
      if (outcome?.$case === 'operation') {
        this.#follow(each, outcome.value)
      } else if (outcome) {
        const error = readStatus(outcome.value)
        const failure = new Failure(statusLine(error), { json: error })
        if (isTransient(failure)) {
          again.push(each)
          after = failure
        } else this.#keep(each, { error })
      } else throw new Failure(`the server did not say what became of ${chunk.length} requests`)
    }
    return { again, ...(after && { after }) }
  }

  #follow(prepared: Prepared, operation: Operation): void {
    const { connection, persistence } = this.#work
    const { name } = operation
    const wait = async () => {
      try {
        const ended = operation.done
          ? operation
          : await waitForEnd(connection, name, Number.POSITIVE_INFINITY, persistence)
        const { response, error } = await persist(() => this.#view(ended), persistence)
        return error ? { operation: name, error } : { operation: name, response: response ?? {} }
      } catch (error) {
        if (!(error instanceof Failure) || error.json['reason'] !== 'OPERATION_NOT_FOUND') throw error
        return { operation: name, error: error.json } // someone deleted it
      }
    }
    wait().then(
      (end) => this.#keep(prepared, end),
      (error: unknown) => this.#fail(error),
    )
  }

  #keep({ line, request }: Prepared, end: Omit<Result, 'line' | 'key'>): void {
    this.#work.settle({ line, key: request.idempotencyKey, ...end }).then(
      () => {
        this.#unfinished--
        this.#notify()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#work.stop()
    this.#notify()
  }

  #notify(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (this.#failure === undefined && !isSo()) await this.#changed.promise
    if (this.#failure !== undefined) throw this.#failure
  }
}
