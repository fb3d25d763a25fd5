import { type Queryable, run } from './statement.ts'

/** An operation is accepted under attempt 1: what is leased under a later one was claimed. */
const text = `select project_id as "projectId", operation_id as "operationId", attempt from lease
  where replica_id = $1 and attempt > 1 and not operation_id = any ($2::uuid[])`

/** The leases that the replica has claimed, without those that it knows of. */
export async function claimedUnknown(
  db: Queryable,
  replicaId: string,
  known: readonly string[],
): Promise<{ projectId: string; operationId: string; attempt: number }[]> {
  return run(db, 'claimed_unknown', text, [replicaId, known])
}
