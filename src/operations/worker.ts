import { ROOT_CONTEXT } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import type { Logger } from 'pino'
import type { Method } from '../contracts/method.ts'
import { encodeStatus } from '../errors/status.ts'
import { type Claimed, candidates, claim, virtualClock } from '../storage/statements/claim.ts'
import { claimedUnknown } from '../storage/statements/claimed.ts'
import { giveBack } from '../storage/statements/give-back.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import { Loop } from './loop.ts'
import { replicaLost } from './outcome.ts'
import type { Replica } from './replica.ts'
import type { Runner } from './runner.ts'

/** Between two looks at what is due in all projects. Where notifications arrive, they find only what those missed. */
const pollMs = { listening: 1_000, deaf: 200 }
/** After a claim that got nothing of what is due: another replica is serving those lanes. */
const lockedMs = 15
/** Operations without a caller here that one replica works on at once. */
const maxHeld = 256
/** Operations that one project gets in a claim before the next project's turn. */
const quantum = 16
/** How long after a claim without a reply its COMMIT may still happen. */
const doubtMs = 60_000

/** Finds the contract version that an operation was accepted with, and reads its request. */
export type MethodSource = (projectId: string, contract: string, version: number, method: string) => Promise<Method>
export type RequestReader = (method: Method, bytes: Uint8Array) => Parameters<Runner['run']>[0]['message']

/** What the worker works with. */
export type WorkerParts = {
  db: Queryable
  log: Logger
  replica: Replica
  runner: Runner
  methodOf: MethodSource
  read: RequestReader
  /** Whether notifications arrive. */
  listening: () => boolean
}

/**
 * Takes up what is due in the queue. It claims of the projects that it has reason to think have due work: what was accepted
 * here, what others tell, and what a slow poll finds.
 */
export class Worker {
  readonly #parts: WorkerParts
  readonly #loop: Loop
  readonly #propagator = new W3CTraceContextPropagator()
  /** Projects that may have due work. */
  readonly #due = new Set<string>()
  /** Projects whose limit was reached when they were last claimed of. */
  readonly #blocked = new Set<string>()
  /** Claimed and not yet done with. */
  readonly #held = new Set<Claimed>()
  /** Places that {@link reserve} gave away. */
  #reserved = 0
  #nextPoll = 0
  /** Until then this replica may hold more than it knows of. */
  #doubtUntil = 0
  #virtualClock: number | undefined
  #stopped = false

  constructor(parts: WorkerParts) {
    this.#parts = parts
    this.#loop = new Loop(
      pollMs.deaf,
      () => this.#claim(),
      (error) => parts.log.warn({ err: error }, 'claim failed'),
    )
  }

  start(): void {
    this.#loop.start()
  }

  /** Takes up nothing more. What runs goes on. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#loop.stop()
  }

  /** These projects have due work. */
  wake(projectIds: readonly string[]): void {
    for (const projectId of projectIds) this.#due.add(projectId)
    this.#loop.wake()
  }

  /** Others may have told what did not arrive: looks at all projects now. */
  poll(): void {
    this.#nextPoll = 0
    this.#loop.wake()
  }

  /**
   * A place for an operation that is about to be accepted, when there is one and nothing is known to wait for it: then it need
   * not pass through the queue. The caller gives it back by calling what is returned.
   */
  reserve(): (() => void) | undefined {
    if (this.#stopped || this.#due.size > 0 || this.#room <= 0) return undefined
    this.#reserved++
    return () => {
      this.#reserved--
      this.#freed()
    }
  }

  get #room(): number {
    return maxHeld - this.#held.size - this.#reserved
  }

  #freed(): void {
    if (this.#due.size > 0) this.#loop.wake()
  }

  /** Returns after how long to look again. */
  async #claim(): Promise<number> {
    const { db, replica, listening } = this.#parts
    const idleMs = listening() ? pollMs.listening : pollMs.deaf
    if (!replica.alive) return pollMs.deaf
    const { identity } = replica
    if (performance.now() < this.#doubtUntil) await this.#giveBackUnknown(identity.id)
    if (performance.now() >= this.#nextPoll) {
      for (const projectId of await candidates(db)) this.#due.add(projectId)
      this.#nextPoll = performance.now() + idleMs
    }
    const want = this.#room
    if (want <= 0 || this.#due.size === 0) return idleMs
    const projects = [...this.#due]
    const perLane = projects.length === 1 ? want : quantum
    this.#virtualClock ??= await virtualClock(db)
    const { rows, empty, blocked, start } = await claim(
      db,
      identity.id,
      want,
      projects,
      perLane,
      this.#virtualClock,
    ).catch((error: unknown) => {
      if (isUnavailable(error)) this.#doubtUntil = performance.now() + doubtMs
      throw error
    })
    this.#virtualClock = start
    for (const projectId of [...empty, ...blocked]) this.#due.delete(projectId)
    for (const projectId of blocked) this.#blocked.add(projectId)
    for (const row of rows) {
      this.#held.add(row)
      void this.#run(row, identity).finally(() => {
        this.#held.delete(row)
        // What held the limit of its project may be what has just ended.
        if (this.#blocked.delete(row.projectId)) this.wake([row.projectId])
        else this.#freed()
      })
    }
    if (this.#due.size === 0) return idleMs
    return rows.length > 0 ? 0 : lockedMs * (0.5 + Math.random())
  }

  /** What was claimed without a reply or could not be started: its lease would last as long as an attempt may, for nothing. */
  async #giveBackUnknown(replicaId: string): Promise<void> {
    const { db, log } = this.#parts
    const known = [...this.#held].map((row) => row.operationId)
    const leases = await claimedUnknown(db, replicaId, known)
    if (leases.length === 0) return
    const lost = replicaLost()
    await giveBack(db, leases, replicaId, { code: lost.code, status: encodeStatus(lost) })
    log.info({ operations: leases.length }, 'gave back what was claimed and not started')
  }

  async #run(row: Claimed, identity: Replica['identity']): Promise<void> {
    const { runner, methodOf, read, log } = this.#parts
    try {
      const method = await methodOf(row.projectId, row.contract, row.version, row.method)
      const carrier = row.traceparent === null ? {} : { traceparent: row.traceparent }
      await runner.run({
        projectId: row.projectId,
        operationId: row.operationId,
        day: row.day,
        attempt: row.attempt,
        failures: row.failures,
        maxFailures: row.maxFailures,
        detached: row.detached,
        origin: row.origin ?? undefined,
        expiresAt: performance.now() + row.remainingMs,
        method,
        message: read(method, row.request),
        context: this.#propagator.extract(ROOT_CONTEXT, carrier, carrierGetter),
        identity,
      })
    } catch (error) {
      if (isUnavailable(error)) this.#doubtUntil = performance.now() + doubtMs
      // Else the lease stays until its deadline, then the reaper counts a failure: nothing is lost, and nothing spins.
      log.error({ err: error, operation: row.operationId }, 'a claimed operation could not be started')
    }
  }
}

const carrierGetter = {
  keys: (carrier: Record<string, string>) => Object.keys(carrier),
  get: (carrier: Record<string, string>, key: string) => carrier[key],
}
