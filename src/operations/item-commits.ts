import { type PutInput, putItems } from '../storage/statements/put-items.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { Batcher } from './batcher.ts'
import type { Identity } from './replica.ts'

/** Items to be stored under the identity that holds the lease. */
export type ItemPut = PutInput & { identity: Identity }

/** Commits the items of all streams of this replica in common statements, apart from what calls begin and end with. */
export class ItemCommits {
  readonly #db: Queryable
  readonly #batcher: Batcher<ItemPut, boolean>

  constructor(db: Queryable) {
    this.#db = db
    this.#batcher = new Batcher({
      name: 'put_items',
      flush: (puts) => this.#flush(puts),
      rival: ({ operationId }) => operationId,
      size: ({ items }) => items.reduce((sum, item) => sum + 64 + item.byteLength, 0),
    })
  }

  /** Resolves after COMMIT: whether the items are stored. False when the lease is lost. Rejects with UNAVAILABLE. */
  put(items: ItemPut): Promise<boolean> {
    return this.#batcher.add(items)
  }

  async #flush(puts: readonly ItemPut[]): Promise<boolean[]> {
    const stored = new Map<ItemPut, boolean>()
    for (const [identity, batch] of Map.groupBy(puts, (put) => put.identity)) {
      const outcomes = await putItems(this.#db, batch, identity.id)
      batch.forEach((put, index) => {
        stored.set(put, outcomes[index] ?? false)
      })
    }
    return puts.map((put) => stored.get(put) ?? false)
  }
}
