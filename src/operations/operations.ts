import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { encodeStatus } from '../errors/status.ts'
import type { AnswerOptions } from '../models/answer.ts'
import type { Listener } from '../storage/listener.ts'
import type { Cancelled } from '../storage/statements/cancel.ts'
import type { Deleted } from '../storage/statements/delete.ts'
import { lostLeases } from '../storage/statements/lost-leases.ts'
import type { StoredResult } from '../storage/statements/results.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { Acceptor } from './acceptor.ts'
import { type Admitted, admit } from './admission.ts'
import type { Attempt } from './attempt.ts'
import type { Call, Reader, Reply, Submission, Submitted } from './call.ts'
import { Commits } from './commits.ts'
import { endOperation, removeOperation } from './end.ts'
import { dayOf } from './ids.ts'
import { Notices } from './notices.ts'
import { cancelled, cancelledOnRequest, overloaded, shuttingDown } from './outcome.ts'
import { Replica, replicaTtlMs } from './replica.ts'
import { Runner } from './runner.ts'
import { Streams } from './streams.ts'
import { Upkeep } from './upkeep.ts'
import { type OperationRef, Waiters } from './waiters.ts'
import { type MethodSource, type RequestReader, Worker } from './worker.ts'

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

/** Whether somebody may wait at another replica for what an attempt here comes to. */
const isAwaitedElsewhere = ({ detached, origin }: Attempt) => detached || origin !== undefined

const maxInFlight = 20_000
const idlePollMs = 20

/** The life of operations on this replica: accept, run, settle, wait, cancel; the worker behind; drain at the end. */
export class Operations {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #listener: Listener
  readonly #replica: Replica
  readonly #acceptor: Acceptor
  readonly #runner: Runner
  readonly #waiters: Waiters
  readonly #streams: Streams
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
    this.#notices = new Notices(db, listener, log, () => this.#replica.alone)
    this.#streams = new Streams({
      db,
      log,
      waiters: this.#waiters,
      listening,
      onStored: (attempt) => isAwaitedElsewhere(attempt) && this.#notices.stored(attempt.operationId),
    })
    this.#runner.streams = this.#streams
    this.#worker = new Worker({ db, log, replica: this.#replica, runner: this.#runner, methodOf, read, listening })
    this.#upkeep = new Upkeep(db, log, retentionDays)
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
    this.#runner.onSettled = (attempt) => {
      if (isAwaitedElsewhere(attempt)) this.#notices.settled(attempt.operationId)
    }
    this.#upkeep.onReady = (projectIds) => this.#due(projectIds)
    this.#notices.onReady = (projectIds) => this.#worker.wake(projectIds)
    this.#notices.onSettled = (operationIds) => {
      for (const id of operationIds) this.#runner.stop(id, 'taken')
      this.#waiters.look(operationIds)
    }
    this.#notices.onStored = (operationIds) => this.#streams.look(operationIds)
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
    return this.#counted(() => this.#answer(call, (ref) => this.#waiters.wait(ref, call.signal)))
  }

  /**
   * The same for a method that returns a stream: the reader is sent each item once it is stored, from the first one on, whichever replica
   * works on it. The reply's response is empty.
   */
  stream(call: Call, reader: Reader): Promise<Reply> {
    return this.#counted(() =>
      this.#answer(call, (ref) => {
        reader.begin(ref.operationId)
        return this.#streams.follow(ref, call.signal, reader.send)
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
    const admitted = await admit(this.#acceptor, call, { nowMs: this.#replica.now(), detached, here: true })
    const { made, leased } = admitted
    const ref = { projectId, operationId: admitted.operationId, day: admitted.day }
    if (made && leased) void this.#run(call, admitted, detached)
    else if (made) this.#due([projectId])
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
    const release = this.#worker.reserve()
    let running = false
    try {
      const admission = { nowMs: this.#replica.now(), detached: true, here: release !== undefined }
      const admitted = await admit(this.#acceptor, submission, admission)
      const { operationId, day, made, leased } = admitted
      running = made && leased
      if (running) void this.#run(submission, admitted, true).finally(release)
      else if (made) this.#due([submission.projectId])
      return { operationId, day, replayed: !made, state: running ? 'RUNNING' : 'READY' }
    } finally {
      if (!running) release?.()
    }
  }

  #run({ projectId, method, message, context }: Call, admitted: Admitted, detached: boolean): Promise<void> {
    const { operationId, day, receivedAt, identity } = admitted
    const { maxFailures, timeoutMs } = method.policy
    return this.#runner.run({
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
    const end = await endOperation(this.#db, ref, status)
    if (end === 'cancelled') {
      this.#runner.stop(ref.operationId, 'taken')
      this.#waiters.look([ref.operationId])
      this.#notices.settled(ref.operationId)
    }
    return end
  }

  /** Deletes an operation that has ended, with its result. Its key stays taken. */
  delete(projectId: string, operationId: string): Promise<Deleted> {
    return removeOperation(this.#db, { projectId, operationId, day: dayOf(operationId) })
  }

  /** Stops attempts whose lease is gone: cancelled, or taken by another replica, and the notification was lost. */
  async #stopTaken(): Promise<void> {
    const { identity } = this.#replica
    const attempts = this.#runner.under(identity)
    if (attempts.length === 0) return
    for (const id of await lostLeases(this.#db, attempts, identity.id)) this.#runner.stop(id, 'taken')
  }

  /** Of this process's life in the database, under which it works now. */
  get replicaId(): string {
    return this.#replica.identity.id
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
    this.#runner.close()
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
