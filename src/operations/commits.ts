import type { AcceptInput, AcceptOutput } from '../storage/statements/accept.ts'
import { commit } from '../storage/statements/commit.ts'
import { type SettleInput, settle } from '../storage/statements/settle.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { Batcher } from './batcher.ts'
import { storageUnavailable } from './outcome.ts'
import type { Identity, Replica } from './replica.ts'

/** A call to be accepted. `identity`: whom it was last leased to, or would have been if its COMMIT happened. */
export type Offer = AcceptInput & { identity: Identity | undefined }
/** A result to be stored, under the identity that holds the lease. */
export type Settlement = SettleInput & { identity: Identity }
export type Accepted = AcceptOutput & { identity: Identity }

type Entry = { kind: 'accept'; offer: Offer } | { kind: 'settle'; settlement: Settlement }
/** False: the lease is lost, or this replica had no life to lease a call to. */
type Output = Accepted | boolean

/**
 * Commits what concurrent calls begin and end with in common transactions. Measured at 64 calls in flight on two cores:
 * accept and settle in transactions of their own, on two connections, made some 3 % fewer calls a second, in pairs of runs.
 */
export class Commits {
  readonly #db: Queryable
  readonly #replica: Replica
  readonly #batcher: Batcher<Entry, Output>

  constructor(db: Queryable, replica: Replica) {
    this.#db = db
    this.#replica = replica
    this.#batcher = new Batcher({
      name: 'commit',
      flush: (entries) => this.#flush(entries),
      rival: (entry) => (entry.kind === 'settle' ? entry.settlement.operationId : keyOf(entry.offer)),
      size: (entry) => 512 + (entry.kind === 'settle' ? entry.settlement.response : entry.offer.request).byteLength,
    })
  }

  /** Resolves after COMMIT. Rejects with UNAVAILABLE, or with what the database had against this call. */
  async accept(offer: Offer): Promise<Accepted> {
    const accepted = await this.#batcher.add({ kind: 'accept', offer })
    if (typeof accepted === 'boolean') throw storageUnavailable()
    return accepted
  }

  /** Resolves after COMMIT: whether the result is stored. False when the lease is lost. Rejects as {@link accept}. */
  async settle(settlement: Settlement): Promise<boolean> {
    return (await this.#batcher.add({ kind: 'settle', settlement })) === true
  }

  async #flush(entries: readonly Entry[]): Promise<Output[]> {
    const { identity, alive } = this.#replica
    const outputs = new Array<Output>(entries.length).fill(false)
    const offers: { offer: Offer; index: number }[] = []
    const settlements = new Map<Identity, { settlement: Settlement; index: number }[]>()
    entries.forEach((entry, index) => {
      if (entry.kind === 'settle') {
        const { settlement } = entry
        const ofIdentity = settlements.get(settlement.identity)
        if (ofIdentity) ofIdentity.push({ settlement, index })
        else settlements.set(settlement.identity, [{ settlement, index }])
      } else if (alive) {
        // An offer whose first COMMIT under an earlier identity did happen comes back as ours and not leased: its caller gets
        // what the reaper or the next replica makes of it.
        entry.offer.identity = identity
        offers.push({ offer: entry.offer, index })
      }
    })
    const mine = settlements.get(identity) ?? []
    settlements.delete(identity)
    if (offers.length + mine.length > 0) {
      const calls = offers.map(({ offer }) => offer)
      const results = mine.map(({ settlement }) => settlement)
      const { accepted, stored } = await commit(this.#db, calls, results, identity.id)
      offers.forEach(({ index }, n) => {
        const output = accepted[n]
        if (!output) throw new Error('accept returned no row for a call')
        outputs[index] = { ...output, identity }
      })
      mine.forEach(({ index }, n) => {
        outputs[index] = stored[n] ?? false
      })
    }
    // What an earlier life of this process may still store.
    for (const [earlier, rows] of settlements) {
      const results = rows.map(({ settlement }) => settlement)
      const stored = await settle(this.#db, results, earlier.id)
      rows.forEach(({ index }, n) => {
        outputs[index] = stored[n] ?? false
      })
    }
    return outputs
  }
}

/** Two calls with one key cannot be in one statement. */
function keyOf({ projectId, contract, method, key }: AcceptInput): string | undefined {
  return key === undefined ? undefined : `${projectId}\n${contract}/${method}\n${key}`
}
