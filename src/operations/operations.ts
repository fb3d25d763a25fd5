import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { encodeStatus } from '../errors/status.ts'
import type { Cancelled } from '../storage/statements/cancel.ts'
import type { Deleted } from '../storage/statements/delete.ts'
import type { StoredResult } from '../storage/statements/results.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { type Admitted, admit } from './admission.ts'
import type { Call, Reader, Reply, Submission, Submitted } from './call.ts'
import { endOperation, removeOperation } from './end.ts'
import { Engine, type OperationsParts } from './engine.ts'
import { dayOf } from './ids.ts'
import { cancelled, cancelledOnRequest, overloaded, shuttingDown } from './outcome.ts'
import { replicaTtlMs } from './replica.ts'
import type { OperationRef } from './waiters.ts'

const maxInFlight = 20_000
const idlePollMs = 20

/** The life of operations on this replica: accept, run, settle, wait, cancel; the worker behind; drain at the end. */
export class Operations {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #engine: Engine
  #inFlight = 0
  #closed = false

  constructor(parts: OperationsParts) {
    this.#db = parts.db
    this.#log = parts.log
    this.#engine = new Engine(parts)
  }

  start(): Promise<void> {
    return this.#engine.start()
  }

  /**
   * Commits the call and waits for its result. With a key the operation is detached: it goes on when the caller leaves, and
   * the same call joins it or gets its stored result. Rejects with a DeedError, or with the signal's reason.
   */
  call(call: Call): Promise<Reply> {
    return this.#counted(() => this.#answer(call, (ref) => this.#engine.waiters.wait(ref, call.signal)))
  }

  /**
   * The same for a method that returns a stream: the reader is sent each item once it is stored, from the first one on, whichever replica
   * works on it. The reply's response is empty.
   */
  stream(call: Call, reader: Reader): Promise<Reply> {
    return this.#counted(() =>
      this.#answer(call, (ref) => {
        reader.begin(ref.operationId)
        return this.#engine.streams.follow(ref, call.signal, reader.send)
      }),
    )
  }

  /** Commits the call, to be worked on whether or not somebody waits. Rejects as {@link call}. */
  submit(submission: Submission): Promise<Submitted> {
    return this.#counted(() => this.#queue(submission))
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw shuttingDown()
    if (this.#inFlight >= maxInFlight) throw overloaded(maxInFlight)
    this.#inFlight++
    try {
      return await work()
    } finally {
      this.#inFlight--
    }
  }

  async #answer(call: Call, collect: (ref: OperationRef) => Promise<StoredResult>): Promise<Reply> {
    const { projectId, key, signal } = call
    const detached = key !== undefined
    const admitted = await admit(this.#engine.acceptor, call, {
      nowMs: this.#engine.replica.now(),
      detached,
      here: true,
    })
    const { made, leased } = admitted
    const ref = { projectId, operationId: admitted.operationId, day: admitted.day }
    if (made && leased) void this.#run(call, admitted, detached)
    else if (made) this.#engine.due([projectId])
    try {
      const result = await collect(ref)
      return { ...result, replayed: !made }
    } finally {
      // Without a key the operation ends with its caller.
      if (signal.aborted && made && !detached) this.#abandon(ref, leased)
    }
  }

  async #queue(submission: Submission): Promise<Submitted> {
    // What this replica can begin at once, and has nothing older to begin with, need not pass through the queue.
    const release = this.#engine.worker.reserve()
    let running = false
    try {
      const admission = { nowMs: this.#engine.replica.now(), detached: true, here: release !== undefined }
      const admitted = await admit(this.#engine.acceptor, submission, admission)
      const { operationId, day, made, leased } = admitted
      running = made && leased
      if (running) void this.#run(submission, admitted, true).finally(release)
      else if (made) this.#engine.due([submission.projectId])
      return { operationId, day, replayed: !made, state: running ? 'RUNNING' : 'READY' }
    } finally {
      if (!running) release?.()
    }
  }

  #run({ projectId, method, message, context }: Call, admitted: Admitted, detached: boolean): Promise<void> {
    const { operationId, day, receivedAt, identity } = admitted
    const { maxFailures, timeoutMs } = method.policy
    return this.#engine.runner.run({
      projectId,
      operationId,
      day,
      attempt: 1,
      failures: 0,
      maxFailures,
      detached,
      origin: undefined,
      expiresAt: receivedAt + timeoutMs,
      method,
      message,
      context,
      identity,
    })
  }

  /** The caller of a call without a key left. */
  #abandon(ref: OperationRef, leased: boolean): void {
    if (leased) {
      this.#engine.runner.stop(ref.operationId, 'cancelled')
      return
    }
    this.#end(ref, encodeStatus(cancelled())).catch((error: unknown) =>
      this.#log.warn({ err: error, operation: ref.operationId }, 'a call whose caller left stays in the queue'),
    )
  }

  /**
   * Waits for the result of an operation, whichever replica works on it. Rejects with the signal's reason, with
   * OPERATION_NOT_FOUND when there is no such operation, and with UNAVAILABLE when its end cannot be had here.
   */
  wait(ref: OperationRef, signal: AbortSignal): Promise<StoredResult> {
    if (this.#closed) return Promise.reject(shuttingDown())
    return this.#engine.waiters.wait(ref, signal)
  }

  /** Ends an operation as CANCELLED unless it has ended. An attempt that runs, here or elsewhere, can store nothing from then on. */
  cancel(projectId: string, operationId: string): Promise<Exclude<Cancelled, 'moving'>> {
    return this.#end({ projectId, operationId, day: dayOf(operationId) }, encodeStatus(cancelledOnRequest()))
  }

  async #end(ref: OperationRef, status: Uint8Array): Promise<Exclude<Cancelled, 'moving'>> {
    const end = await endOperation(this.#db, ref, status)
    if (end === 'cancelled') {
      this.#engine.runner.stop(ref.operationId, 'taken')
      this.#engine.waiters.look([ref.operationId])
      this.#engine.notices.settled(ref.operationId)
    }
    return end
  }

  /** Deletes an operation that has ended, with its result. Its key stays taken. */
  delete(projectId: string, operationId: string): Promise<Deleted> {
    return removeOperation(this.#db, { projectId, operationId, day: dayOf(operationId) })
  }

  /** Of this process's life in the database, under which it works now. */
  get replicaId(): string {
    return this.#engine.replica.identity.id
  }

  /** Whether this replica may accept work now. */
  get alive(): boolean {
    return this.#engine.replica.alive
  }

  /**
   * Takes up nothing more from the queue, lets what runs or is waited for end within the grace time, then gives back the
   * rest. Calls that were on their way are still answered until then.
   */
  async drain(graceMs: number): Promise<void> {
    await Promise.all([this.#engine.worker.stop(), this.#engine.upkeep.stop()])
    if (!(await this.#idle(graceMs))) {
      this.#log.warn({ operations: this.#engine.runner.size }, 'the grace time is over: what still runs is given back')
      this.#closed = true
      this.#engine.runner.stopAll('drained')
      await this.#idle(replicaTtlMs)
    }
    this.#closed = true
    this.#engine.runner.close()
    this.#engine.waiters.stop(shuttingDown())
    await this.#engine.stop()
  }

  /** Whether nothing ran and nobody waited within the time. */
  async #idle(ms: number): Promise<boolean> {
    const until = performance.now() + ms
    while (this.#inFlight > 0 || this.#engine.runner.size > 0) {
      if (performance.now() >= until) return false
      await delay(idlePollMs)
    }
    return true
  }
}
