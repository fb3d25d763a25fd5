import { setTimeout as delay } from 'node:timers/promises'
import { type Cancelled, cancel } from '../storage/statements/cancel.ts'
import { type Deleted, deleteOperation } from '../storage/statements/delete.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import type { OperationRef } from './waiters.ts'

/** An operation that is on its way between two tables is there in a moment. */
const movingMs = 5
const maxMoves = 400

/** Gives an operation its end, wherever it is, unless it has one. `status`: google.rpc.Status bytes of CANCELLED. */
export async function endOperation(
  db: Queryable,
  ref: OperationRef,
  status: Uint8Array,
): Promise<Exclude<Cancelled, 'moving'>> {
  for (let move = 0; move < maxMoves; move++) {
    const end = await cancel(db, ref, status)
    if (end !== 'moving') return end
    await delay(movingMs)
  }
  throw new Error(`operations/${ref.operationId} is in none of ready, timer, lease and result`)
}

/** Deletes an operation that has ended, with its result and items. */
export async function removeOperation(db: Queryable, ref: OperationRef): Promise<Deleted> {
  const end = await deleteOperation(db, ref)
  // One of a rival's two statements may have come between.
  return end === 'unfinished' ? deleteOperation(db, ref) : end
}
