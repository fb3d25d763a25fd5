import { ROOT_CONTEXT } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import type { Logger } from 'pino'
import type { Method } from '../contracts/method.ts'
import { encodeStatus } from '../errors/status.ts'
import { type Claimed, candidates, claim } from '../storage/statements/claim.ts'
import { claimedUnknown } from '../storage/statements/claimed.ts'
import { giveBack } from '../storage/statements/give-back.ts'
import { makePartitions } from '../storage/statements/partitions.ts'
import { promote } from '../storage/statements/promote.ts'
import { purgeKeys } from '../storage/statements/purge.ts'
import { reap } from '../storage/statements/reap.ts'
import { forgetReplicas } from '../storage/statements/replica.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import { Loop } from './loop.ts'
import { replicaLost, timedOut } from './outcome.ts'
import type { Replica } from './replica.ts'
import type { Runner } from './runner.ts'

const claimMs = 200
const sweepMs = 500
const upkeepMs = 60 * 60 * 1000
/** Claimed operations that one replica works on at once, beside those whose callers wait here. */
const maxClaimed = 64
/** Operations that one project gets in a claim before the next project's turn. */
const quantum = 16
const sweepBatch = 1_000
/** How long after a claim without a reply its COMMIT may still happen. */
const doubtMs = 60_000

/** Finds the contract version that an operation was accepted with, and reads its request. */
export type MethodSource = (projectId: string, contract: string, version: number, method: string) => Promise<Method>
export type RequestReader = (method: Method, bytes: Uint8Array) => Parameters<Runner['run']>[0]['message']

/** Takes up what is due in the queue, moves what ripens into it, takes away what dead replicas hold, and keeps house. */
export class Worker {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #replica: Replica
  readonly #runner: Runner
  readonly #methodOf: MethodSource
  readonly #read: RequestReader
  readonly #loops: Loop[]
  readonly #propagator = new W3CTraceContextPropagator()
  /** Claimed and not yet done with. */
  readonly #held = new Set<Claimed>()
  /** Until then this replica may hold more than it knows of. */
  #doubtUntil = 0
  #virtualClock = 0

  constructor(
    db: Queryable,
    log: Logger,
    replica: Replica,
    runner: Runner,
    methodOf: MethodSource,
    read: RequestReader,
  ) {
    this.#db = db
    this.#log = log
    this.#replica = replica
    this.#runner = runner
    this.#methodOf = methodOf
    this.#read = read
    const fault = (what: string) => (error: unknown) => log.warn({ err: error }, `${what} failed`)
    this.#loops = [
      new Loop(claimMs, () => this.#claim(), fault('claim')),
      new Loop(sweepMs, () => this.#sweep(), fault('sweep')),
      new Loop(upkeepMs, () => this.#upkeep(), fault('upkeep')),
    ]
  }

  start(): void {
    for (const loop of this.#loops) loop.start()
  }

  /** Takes up nothing more. What runs goes on. */
  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()))
  }

  /** Returns whether there may be more at once. */
  async #claim(): Promise<boolean> {
    const want = maxClaimed - this.#held.size
    if (want <= 0 || !this.#replica.alive) return false
    const { identity } = this.#replica
    if (performance.now() < this.#doubtUntil) await this.#giveBackUnknown(identity.id)
    const projects = await candidates(this.#db)
    if (projects.length === 0) return false
    const rows = await claim(this.#db, identity.id, want, projects, quantum, this.#virtualClock).catch(
      (error: unknown) => {
        if (isUnavailable(error)) this.#doubtUntil = performance.now() + doubtMs
        throw error
      },
    )
    this.#virtualClock += rows.length / projects.length
    for (const row of rows) {
      this.#held.add(row)
      void this.#run(row, identity).finally(() => this.#held.delete(row))
    }
    return rows.length > 0
  }

  /** What was claimed without a reply or could not be started: its lease would last as long as an attempt may, for nothing. */
  async #giveBackUnknown(replicaId: string): Promise<void> {
    const known = [...this.#held].map((row) => row.operationId)
    const leases = await claimedUnknown(this.#db, replicaId, known)
    if (leases.length === 0) return
    const lost = replicaLost()
    await giveBack(this.#db, leases, replicaId, { code: lost.code, status: encodeStatus(lost) })
    this.#log.info({ operations: leases.length }, 'gave back what was claimed and not started')
  }

  async #run(row: Claimed, identity: Replica['identity']): Promise<void> {
    try {
      const method = await this.#methodOf(row.projectId, row.contract, row.version, row.method)
      const carrier = row.traceparent === null ? {} : { traceparent: row.traceparent }
      await this.#runner.run({
        projectId: row.projectId,
        operationId: row.operationId,
        day: row.day,
        attempt: row.attempt,
        failures: row.failures,
        maxFailures: row.maxFailures,
        detached: row.detached,
        expiresAt: performance.now() + row.remainingMs,
        method,
        message: this.#read(method, row.request),
        context: this.#propagator.extract(ROOT_CONTEXT, carrier, carrierGetter),
        identity,
      })
    } catch (error) {
      if (isUnavailable(error)) this.#doubtUntil = performance.now() + doubtMs
      // Else the lease stays until its deadline, then the reaper counts a failure: nothing is lost, and nothing spins.
      this.#log.error({ err: error, operation: row.operationId }, 'a claimed operation could not be started')
    }
  }

  async #sweep(): Promise<boolean> {
    const ripe = await promote(this.#db, sweepBatch)
    const dead = await reap(this.#db, sweepBatch, encodeStatus(replicaLost()), encodeStatus(timedOut()))
    if (dead > 0) this.#log.info({ leases: dead }, 'reaped')
    return ripe === sweepBatch || dead === sweepBatch
  }

  async #upkeep(): Promise<boolean> {
    await makePartitions(this.#db)
    await forgetReplicas(this.#db)
    while ((await purgeKeys(this.#db, sweepBatch)) === sweepBatch);
    return false
  }
}

const carrierGetter = {
  keys: (carrier: Record<string, string>) => Object.keys(carrier),
  get: (carrier: Record<string, string>, key: string) => carrier[key],
}
