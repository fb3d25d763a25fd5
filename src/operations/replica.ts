import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { register, removeReplica, renew } from '../storage/statements/replica.ts'
import type { Queryable } from '../storage/statements/statement.ts'

/** Milliseconds that a replica lives after a heartbeat; what it held is reaped then. */
export const replicaTtlMs = 10_000
const heartbeatMs = 2_000
/** Work stops this long before the replica's life ends on its own monotonic clock. */
const marginMs = 1_000
/** Milliseconds between tries while this process has no life in the database. */
const rebirthMs = 250

/** One life of this process in the table `replica`. `lost` fires before another replica may take its leases. */
export type Identity = { readonly id: string; readonly lost: AbortSignal }

/**
 * Keeps this process alive in the database: one heartbeat per process, not per operation. When none gets through in time
 * the identity is lost, its work is stopped, and the process goes on under a new id.
 */
export class Replica {
  readonly #db: Queryable
  readonly #log: Logger
  #controller = new AbortController()
  #identity: Identity = { id: randomUUID(), lost: this.#controller.signal }
  #endsAt = 0
  #offsetMs = 0
  #registered = false
  #others = 0
  /** Earlier identities that may still be in the database. */
  readonly #gone = new Set<string>()
  #beat: NodeJS.Timeout | undefined
  #end: NodeJS.Timeout | undefined
  #stopped = false
  /** Called after each heartbeat that got through. */
  onBeat: () => void = () => {}
  /** Called when an identity is lost, after its signal fired. */
  onLost: (identity: Identity) => void = () => {}

  constructor(db: Queryable, log: Logger) {
    this.#db = db
    this.#log = log
  }

  get identity(): Identity {
    return this.#identity
  }

  /** Whether the identity is in the database: only then may work be leased to it. */
  get alive(): boolean {
    return performance.now() < this.#endsAt
  }

  /** Whether no other replica lived at the last heartbeat. */
  get alone(): boolean {
    return this.#others === 0
  }

  /** Milliseconds since 1970 by the database's clock, as it was measured at the last heartbeat. */
  now(): number {
    return Date.now() + this.#offsetMs
  }

  /** Rejects when the first heartbeat does. */
  async start(): Promise<void> {
    await this.#renew()
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#beat)
    clearTimeout(this.#end)
    try {
      await removeReplica(this.#db, this.#identity.id)
    } catch (error) {
      this.#log.warn({ err: error }, 'the replica stays in the database until its life is over')
    }
  }

  #schedule(): void {
    // A heartbeat may be under way when its identity is lost: there is one timer, whoever sets the next.
    clearTimeout(this.#beat)
    if (this.#stopped) return
    this.#beat = setTimeout(
      () => {
        void this.#renew()
          .catch((error: unknown) => this.#log.warn({ err: error }, 'heartbeat failed'))
          .finally(() => this.#schedule())
      },
      this.alive ? heartbeatMs : rebirthMs,
    )
  }

  async #renew(): Promise<void> {
    const identity = this.#identity
    const sentAt = performance.now()
    const sentWall = Date.now()
    const beat = await (this.#registered ? renew : register)(this.#db, identity.id, replicaTtlMs)
    if (this.#stopped || identity !== this.#identity) return
    if (beat === undefined) return this.#lose('the database had given this replica up')
    this.#registered = true
    this.#others = beat.others
    this.#offsetMs = beat.now - (sentWall + Date.now()) / 2
    this.#endsAt = sentAt + replicaTtlMs - marginMs
    clearTimeout(this.#end)
    this.#end = setTimeout(() => this.#lose('no heartbeat got through in time'), this.#endsAt - performance.now())
    this.onBeat()
    await this.#forget()
  }

  /**
   * Takes earlier identities out, so that what they held is reaped now: a renewal that hung in the database could have
   * prolonged one whose work has long been stopped.
   */
  async #forget(): Promise<void> {
    for (const id of this.#gone) {
      await removeReplica(this.#db, id)
      this.#gone.delete(id)
    }
  }

  #lose(why: string): void {
    const gone = this.#identity
    const controller = this.#controller
    this.#controller = new AbortController()
    this.#identity = { id: randomUUID(), lost: this.#controller.signal }
    this.#endsAt = 0
    this.#registered = false
    this.#gone.add(gone.id)
    this.#log.error({ replica: gone.id, next: this.#identity.id }, `replica lost: ${why}`)
    controller.abort(new Error(`replica lost: ${why}`))
    this.onLost(gone)
    this.#schedule()
  }
}
