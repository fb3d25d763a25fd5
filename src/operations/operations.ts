import { setTimeout as delay } from 'node:timers/promises'
import type { Message } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import type { Context } from '@opentelemetry/api'
import type { Logger } from 'pino'
import { fingerprint } from '../contracts/fingerprint.ts'
import type { Method } from '../contracts/method.ts'
import { DeedError } from '../errors/deed-error.ts'
import { encodeStatus } from '../errors/status.ts'
import type { AnswerOptions } from '../models/answer.ts'
import type { Listener } from '../storage/listener.ts'
import type { AcceptInput } from '../storage/statements/accept.ts'
import { type Cancelled, cancel } from '../storage/statements/cancel.ts'
import { type Deleted, deleteOperation } from '../storage/statements/delete.ts'
import { lostLeases } from '../storage/statements/lost-leases.ts'
import type { StoredResult } from '../storage/statements/results.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { Acceptor, traceparentOf } from './acceptor.ts'
import type { Accepted } from './commits.ts'
import { Commits } from './commits.ts'
import { dayOf, newId } from './ids.ts'
import { Notices } from './notices.ts'
import { cancelled, cancelledOnRequest, overloaded, shuttingDown } from './outcome.ts'
import { Replica, replicaTtlMs } from './replica.ts'
import { Runner } from './runner.ts'
import { Upkeep } from './upkeep.ts'
import { type OperationRef, Waiters } from './waiters.ts'
import { type MethodSource, type RequestReader, Worker } from './worker.ts'

/** A validated call. `request` is what the caller sent; `message` the same, decoded. */
export type Call = {
  projectId: string
  method: Method
  message: Message
  request: Uint8Array
  key: string | undefined
  context: Context
  /** Fires when the caller leaves or its deadline passes. */
  signal: AbortSignal
}

/** A validated call whose caller does not wait for its end. `retryOf`: the id of the operation that it repeats. */
export type Submission = Call & { retryOf?: string }

/** `replayed`: an earlier call had made it. `state` is where a new one is. */
export type Submitted = { operationId: string; day: string; replayed: boolean; state: 'READY' | 'RUNNING' }

/** What operations are made with. */
export type OperationsParts = {
  db: Queryable
  log: Logger
  listener: Listener
  answers: AnswerOptions
  methodOf: MethodSource
  read: RequestReader
  /** Days that ended longer ago are forgotten. */
  retentionDays: number
}

/** What the operation ended with, and whether an earlier call had made it. */
export type Reply = StoredResult & { replayed: boolean }

const maxInFlight = 20_000
/** A lease outlasts its attempt by this, so that only an attempt which this process failed to stop counts as hung. */
const leaseSlackMs = 10_000
const idlePollMs = 20
/** An operation that is on its way between two tables is there in a moment. */
const movingMs = 5
const maxMoves = 400

/** The life of operations on this replica: accept, run, settle, wait, cancel; the worker behind; drain at the end. */
export class Operations {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #listener: Listener
  readonly #replica: Replica
  readonly #acceptor: Acceptor
  readonly #runner: Runner
  readonly #waiters: Waiters
  readonly #worker: Worker
  readonly #upkeep: Upkeep
  readonly #notices: Notices
  #inFlight = 0
  #closed = false

  constructor({ db, log, listener, answers, methodOf, read, retentionDays }: OperationsParts) {
    this.#db = db
    this.#log = log
    this.#listener = listener
    const listening = () => listener.listening
    this.#replica = new Replica(db, log)
    const commits = new Commits(db, this.#replica)
    this.#acceptor = new Acceptor(db, commits)
    this.#runner = new Runner(db, log, answers, commits)
    this.#waiters = new Waiters(db, log, (operationId) => this.#runner.has(operationId), listening)
    this.#runner.waiters = this.#waiters
    this.#worker = new Worker({ db, log, replica: this.#replica, runner: this.#runner, methodOf, read, listening })
    this.#upkeep = new Upkeep(db, log, retentionDays)
    this.#notices = new Notices(db, listener, log, () => this.#replica.alone)
    this.#connect()
  }

  /** Who hears of what. */
  #connect(): void {
    this.#replica.onBeat = () => {
      const late = (what: string) => (error: unknown) =>
        this.#log.warn({ err: error }, `${what} stay for the next heartbeat`)
      this.#acceptor.resolveDoubts().catch(late('doubts'))
      this.#stopTaken().catch(late('attempts whose lease is gone'))
    }
    this.#replica.onLost = (identity) => this.#runner.stopAll('lost', identity)
    this.#runner.onSettled = ({ operationId, detached, origin }) => {
      if (detached || origin !== undefined) this.#notices.settled(operationId)
    }
    this.#upkeep.onReady = (projectIds) => this.#due(projectIds)
    this.#notices.onReady = (projectIds) => this.#worker.wake(projectIds)
    this.#notices.onSettled = (operationIds) => {
      for (const id of operationIds) this.#runner.stop(id, 'taken')
      this.#waiters.look(operationIds)
    }
    this.#notices.onGap = () => this.#worker.poll()
  }

  async start(): Promise<void> {
    this.#listener.start()
    await this.#replica.start()
    this.#worker.start()
    this.#upkeep.start()
  }

  /**
   * Commits the call and waits for its result. With a key the operation is detached: it goes on when the caller leaves, and
   * the same call joins it or gets its stored result. Rejects with a DeedError, or with the signal's reason.
   */
  call(call: Call): Promise<Reply> {
    return this.#counted(() => this.#answer(call))
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

  async #answer(call: Call): Promise<Reply> {
    const { projectId, key, signal } = call
    const detached = key !== undefined
    const { id, accepted, receivedAt } = await this.#accept(call, detached, true)
    const ref = { projectId, operationId: accepted.operationId, day: accepted.day }
    const made = accepted.operationId === id
    if (made && accepted.leased) void this.#run(call, accepted, detached, receivedAt)
    else if (made) this.#due([projectId])
    try {
      const result = await this.#waiters.wait(ref, signal)
      return { ...result, replayed: !made }
    } finally {
      // Without a key the operation ends with its caller.
      if (signal.aborted && made && !detached) this.#abandon(ref, accepted.leased)
    }
  }

  async #queue(submission: Submission): Promise<Submitted> {
    // What this replica can begin at once, and has nothing older to begin with, need not pass through the queue.
    const release = this.#worker.reserve()
    let running = false
    try {
      const { id, accepted, receivedAt } = await this.#accept(
        submission,
        true,
        release !== undefined,
        submission.retryOf,
      )
      const { operationId, day } = accepted
      const made = operationId === id
      running = made && accepted.leased
      if (running) void this.#run(submission, accepted, true, receivedAt).finally(release)
      else if (made) this.#due([submission.projectId])
      return { operationId, day, replayed: !made, state: running ? 'RUNNING' : 'READY' }
    } finally {
      if (!running) release?.()
    }
  }

  async #accept(
    { projectId, method, message, request, key, context, signal }: Call,
    detached: boolean,
    here: boolean,
    retryOf?: string,
  ): Promise<{ id: string; accepted: Accepted; receivedAt: number }> {
    const { policy } = method
    const id = newId(this.#replica.now())
    const receivedAt = performance.now()
    // Without a key it is tried again under the same lease.
    const attemptMs = detached ? Math.min(policy.attemptTimeoutMs, policy.timeoutMs) : policy.timeoutMs
    const input: AcceptInput = {
      projectId,
      id,
      day: dayOf(id),
      contract: method.contract,
      version: method.version,
      method: method.name,
      key,
      fingerprint: key === undefined ? undefined : fingerprint(method.input, message),
      request,
      traceparent: traceparentOf(context),
      priority: policy.priority,
      maxFailures: policy.maxFailures,
      attemptTimeoutMs: attemptMs + leaseSlackMs,
      timeoutMs: policy.timeoutMs,
      queueTimeoutMs: policy.queueTimeoutMs,
      detached,
      here,
      retryOf,
    }
    const accepted = await this.#acceptor.accept(input, signal)
    if (!accepted.same) throw keyReused(accepted.operationId)
    return { id, accepted, receivedAt }
  }

  #run({ projectId, method, message, context }: Call, accepted: Accepted, detached: boolean, receivedAt: number) {
    const { policy } = method
    return this.#runner.run({
      projectId,
      operationId: accepted.operationId,
      day: accepted.day,
      attempt: 1,
      failures: 0,
      maxFailures: policy.maxFailures,
      detached,
      origin: undefined,
      expiresAt: receivedAt + policy.timeoutMs,
      method,
      message,
      context,
      identity: accepted.identity,
    })
  }

  /** Projects got due work: this replica takes it up, or another. */
  #due(projectIds: readonly string[]): void {
    this.#worker.wake(projectIds)
    for (const projectId of projectIds) this.#notices.ready(projectId)
  }

  /** The caller of a call without a key left. */
  #abandon(ref: OperationRef, leased: boolean): void {
    if (leased) {
      this.#runner.stop(ref.operationId, 'cancelled')
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
    return this.#waiters.wait(ref, signal)
  }

  /** Ends an operation as CANCELLED unless it has ended. An attempt that runs, here or elsewhere, can store nothing from then on. */
  cancel(projectId: string, operationId: string): Promise<Exclude<Cancelled, 'moving'>> {
    return this.#end({ projectId, operationId, day: dayOf(operationId) }, encodeStatus(cancelledOnRequest()))
  }

  async #end(ref: OperationRef, status: Uint8Array): Promise<Exclude<Cancelled, 'moving'>> {
    for (let move = 0; move < maxMoves; move++) {
      const end = await cancel(this.#db, ref, status)
      if (end === 'cancelled') {
        this.#runner.stop(ref.operationId, 'taken')
        this.#waiters.look([ref.operationId])
        this.#notices.settled(ref.operationId)
      }
      if (end !== 'moving') return end
      await delay(movingMs)
    }
    throw new Error(`operations/${ref.operationId} is in none of ready, timer, lease and result`)
  }

  /** Deletes an operation that has ended. */
  async delete(projectId: string, operationId: string): Promise<Deleted> {
    const ref = { projectId, operationId, day: dayOf(operationId) }
    const end = await deleteOperation(this.#db, ref)
    // One statement of a rival's may lie between its two.
    return end === 'unfinished' ? deleteOperation(this.#db, ref) : end
  }

  /** Stops attempts whose lease is gone: cancelled, or taken by another replica, and the notification was lost. */
  async #stopTaken(): Promise<void> {
    const { identity } = this.#replica
    const attempts = this.#runner.under(identity)
    if (attempts.length === 0) return
    for (const id of await lostLeases(this.#db, attempts, identity.id)) this.#runner.stop(id, 'taken')
  }

  /** Whether this replica may accept work now. */
  get alive(): boolean {
    return this.#replica.alive
  }

  /**
   * Takes up nothing more from the queue, lets what runs or is waited for end within the grace time, then gives back the
   * rest. Calls that were on their way are still answered until then.
   */
  async drain(graceMs: number): Promise<void> {
    await Promise.all([this.#worker.stop(), this.#upkeep.stop()])
    if (!(await this.#idle(graceMs))) {
      this.#log.warn({ operations: this.#runner.size }, 'the grace time is over: what still runs is given back')
      this.#closed = true
      this.#runner.stopAll('drained')
      await this.#idle(replicaTtlMs)
    }
    this.#closed = true
    this.#waiters.stop(shuttingDown())
    await this.#notices.stop()
    await this.#listener.stop()
    await this.#replica.stop()
  }

  /** Whether nothing ran and nobody waited within the time. */
  async #idle(ms: number): Promise<boolean> {
    const until = performance.now() + ms
    while (this.#inFlight > 0 || this.#runner.size > 0) {
      if (performance.now() >= until) return false
      await delay(idlePollMs)
    }
    return true
  }
}

function keyReused(operationId: string): DeedError {
  const message = 'the idempotency-key was used with another request'
  return new DeedError(status.FAILED_PRECONDITION, 'IDEMPOTENCY_KEY_REUSED', message, {
    metadata: { operation: `operations/${operationId}` },
    preconditions: [
      {
        type: 'IDEMPOTENCY_KEY',
        subject: `operations/${operationId}`,
        description: 'send the first request again under this key, or this request under a new one',
      },
    ],
  })
}
