import { setTimeout as delay } from 'node:timers/promises'
import type { Message } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import type { Context } from '@opentelemetry/api'
import type { Logger } from 'pino'
import { fingerprint } from '../contracts/fingerprint.ts'
import type { Method } from '../contracts/method.ts'
import { DeedError } from '../errors/deed-error.ts'
import type { AnswerOptions } from '../models/answer.ts'
import type { StoredResult } from '../storage/statements/results.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { Acceptor, traceparentOf } from './acceptor.ts'
import { Commits } from './commits.ts'
import { dayOf, newId } from './ids.ts'
import { overloaded, shuttingDown } from './outcome.ts'
import { Replica, replicaTtlMs } from './replica.ts'
import { Runner } from './runner.ts'
import { Waiters } from './waiters.ts'
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

/** What the operation ended with, and whether an earlier call had made it. */
export type Reply = StoredResult & { replayed: boolean }

const normalPriority = 2
const maxInFlight = 20_000
/** A lease outlasts its attempt by this, so that only an attempt which this process failed to stop counts as hung. */
const leaseSlackMs = 10_000
const idlePollMs = 20

/** The life of operations on this replica: accept, run, settle, wait; the worker behind; drain at the end. */
export class Operations {
  readonly #log: Logger
  readonly #replica: Replica
  readonly #acceptor: Acceptor
  readonly #runner: Runner
  readonly #waiters: Waiters
  readonly #worker: Worker
  #inFlight = 0
  #closed = false

  constructor(db: Queryable, log: Logger, options: AnswerOptions, methodOf: MethodSource, read: RequestReader) {
    this.#log = log
    this.#replica = new Replica(db, log)
    const commits = new Commits(db, this.#replica)
    this.#acceptor = new Acceptor(db, commits)
    this.#runner = new Runner(db, log, options, commits)
    this.#waiters = new Waiters(db, log, (operationId) => this.#runner.has(operationId))
    this.#runner.waiters = this.#waiters
    this.#worker = new Worker(db, log, this.#replica, this.#runner, methodOf, read)
    this.#replica.onBeat = () => {
      this.#acceptor
        .resolveDoubts()
        .catch((error: unknown) => log.warn({ err: error }, 'doubts stay for the next heartbeat'))
    }
    this.#replica.onLost = (identity) => this.#runner.stopAll('lost', identity)
  }

  async start(): Promise<void> {
    await this.#replica.start()
    this.#worker.start()
  }

  /**
   * Commits the call and waits for its result. With a key the operation is detached: it goes on when the caller leaves, and
   * the same call joins it or gets its stored result. Rejects with a DeedError, or with the signal's reason.
   */
  async call(call: Call): Promise<Reply> {
    if (this.#closed) throw shuttingDown()
    if (this.#inFlight >= maxInFlight) throw overloaded(maxInFlight)
    this.#inFlight++
    try {
      return await this.#answer(call)
    } finally {
      this.#inFlight--
    }
  }

  async #answer(call: Call): Promise<Reply> {
    const { projectId, method, key, signal } = call
    const { policy } = method
    const id = newId(this.#replica.now())
    const receivedAt = performance.now()
    const detached = key !== undefined
    const accepted = await this.#acceptor.accept(
      {
        projectId,
        id,
        day: dayOf(id),
        contract: method.contract,
        version: method.version,
        method: method.name,
        key,
        fingerprint: detached ? fingerprint(method.input, call.message) : undefined,
        request: call.request,
        traceparent: traceparentOf(call.context),
        priority: normalPriority,
        maxFailures: policy.maxFailures,
        attemptTimeoutMs:
          (detached ? Math.min(policy.attemptTimeoutMs, policy.timeoutMs) : policy.timeoutMs) + leaseSlackMs,
        timeoutMs: policy.timeoutMs,
      },
      signal,
    )
    if (!accepted.same) throw keyReused(accepted.operationId)
    const ref = { projectId, operationId: accepted.operationId, day: accepted.day }
    const made = accepted.operationId === id
    if (made) {
      void this.#runner.run({
        ...ref,
        attempt: 1,
        failures: 0,
        maxFailures: policy.maxFailures,
        detached,
        expiresAt: receivedAt + policy.timeoutMs,
        method,
        message: call.message,
        context: call.context,
        identity: accepted.identity,
      })
    }
    try {
      const result = await this.#waiters.wait(ref, signal)
      return { ...result, replayed: !made }
    } finally {
      // Without a key the operation ends with its caller.
      if (signal.aborted && made && !detached) this.#runner.stop(id, 'cancelled')
    }
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
    await this.#worker.stop()
    if (!(await this.#idle(graceMs))) {
      this.#log.warn({ operations: this.#runner.size }, 'the grace time is over: what still runs is given back')
      this.#closed = true
      this.#runner.stopAll('drained')
      await this.#idle(replicaTtlMs)
    }
    this.#closed = true
    this.#waiters.stop(shuttingDown())
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
