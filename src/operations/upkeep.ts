import type { Logger } from 'pino'
import { encodeStatus } from '../errors/status.ts'
import { dropPartitions } from '../storage/retention.ts'
import { giveUp } from '../storage/statements/give-up.ts'
import { makePartitions } from '../storage/statements/partitions.ts'
import { promote } from '../storage/statements/promote.ts'
import { purgeAnswers, purgeDeleted, purgeKeys } from '../storage/statements/purge.ts'
import { reap } from '../storage/statements/reap.ts'
import { forgetReplicas } from '../storage/statements/replica.ts'
import { rollUpUsage } from '../storage/statements/roll-up.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { Loop } from './loop.ts'
import { queuedTooLong, replicaLost, timedOut } from './outcome.ts'

const sweepMs = 500
const hourMs = 60 * 60 * 1000
const batch = 1_000
/** Between two counts of the ledger. */
const countMs = 5_000
/** Until the transactions of a moment ago are over. */
const soonMs = 50
/** Completions that are counted in one transaction, which takes some 0.2 s. */
const countBatch = 20_000

/** Moves what ripens into the queue, ends what waited too long, takes away what dead replicas hold, counts usage, and keeps house. */
export class Upkeep {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #retentionDays: number
  readonly #loops: readonly Loop[]
  /** Projects that got due work. */
  onReady: (projectIds: readonly string[]) => void = () => {}

  constructor(db: Queryable, log: Logger, retentionDays: number) {
    this.#db = db
    this.#log = log
    this.#retentionDays = retentionDays
    const fault = (what: string) => (error: unknown) => log.warn({ err: error }, `${what} failed`)
    this.#loops = [
      new Loop(sweepMs, () => this.#sweep(), fault('sweep')),
      new Loop(countMs, async () => ((await rollUpUsage(db, countBatch)) ? soonMs : countMs), fault('count of usage')),
      new Loop(hourMs, () => this.#housekeeping(), fault('upkeep')),
    ]
  }

  start(): void {
    for (const loop of this.#loops) loop.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()))
  }

  async #sweep(): Promise<number> {
    const lost = encodeStatus(replicaLost())
    const ripe = await promote(this.#db, batch)
    if (ripe.length > 0) this.onReady(ripe)
    const dead = await reap(this.#db, batch, lost, encodeStatus(timedOut()))
    const late = await giveUp(this.#db, batch, encodeStatus(queuedTooLong()), lost)
    if (dead > 0) this.#log.info({ leases: dead }, 'reaped')
    if (late > 0) this.#log.info({ operations: late }, 'ended what waited in the queue for too long')
    return dead >= batch || late >= batch ? 0 : sweepMs
  }

  async #housekeeping(): Promise<number> {
    await makePartitions(this.#db)
    await forgetReplicas(this.#db)
    while ((await purgeKeys(this.#db, batch)) === batch);
    while ((await purgeAnswers(this.#db, batch)) === batch);
    while ((await purgeDeleted(this.#db, this.#retentionDays, batch)) === batch);
    const dropped = await dropPartitions(this.#db, this.#retentionDays)
    if (dropped.length > 0) this.#log.info({ partitions: dropped }, 'dropped what is older than the retention')
    return hourMs
  }
}
