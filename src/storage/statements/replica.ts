import { type Queryable, run } from './statement.ts'

const beat = `(extract(epoch from clock_timestamp()) * 1000)::float8 as now,
  (select count(*)::int from replica other where other.expires_at > now() and other.id <> $1) as others`

/** What a heartbeat finds: the database's clock in milliseconds since 1970, and how many other replicas live. */
export type Beat = { now: number; others: number }

/** Begins a replica's life. */
export async function register(db: Queryable, replicaId: string, ttlMs: number): Promise<Beat | undefined> {
  const text = `insert into replica (id, expires_at) values ($1, now() + $2 * interval '1 ms')
    on conflict (id) do update set expires_at = excluded.expires_at returning ${beat}`
  const rows = await run<Beat>(db, 'register', text, [replicaId, ttlMs])
  return rows[0]
}

/**
 * Renews it. Returns undefined when the life had ended: what the replica held may be with others,
 * so it must go on under a new id.
 */
export async function renew(db: Queryable, replicaId: string, ttlMs: number): Promise<Beat | undefined> {
  const text = `update replica set expires_at = now() + $2 * interval '1 ms' where id = $1 and expires_at > now() returning ${beat}`
  const rows = await run<Beat>(db, 'renew', text, [replicaId, ttlMs])
  return rows[0]
}

/** Takes the replica out at the end of its drain. What it still holds is then reaped. */
export async function removeReplica(db: Queryable, replicaId: string): Promise<void> {
  await run(db, 'remove_replica', 'delete from replica where id = $1', [replicaId])
}

/** Forgets every replica: for a database that only one process can use, when that process starts. */
export async function removeReplicas(db: Queryable): Promise<void> {
  await run(db, 'remove_replicas', 'delete from replica', [])
}

/** Forgets replicas that are long gone and hold nothing. */
export async function forgetReplicas(db: Queryable): Promise<void> {
  const text = `delete from replica r where expires_at < now() - interval '1 day'
    and not exists (select 1 from lease l where l.replica_id = r.id)`
  await run(db, 'forget_replicas', text, [])
}
