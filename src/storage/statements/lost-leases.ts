import { int4Array, uuidArray } from './arrays.ts'
import { byKey, leaseOf, type Queryable, run } from './statement.ts'

export const lostLeasesFunction = `
create or replace function lost_leases(p uuid[], i uuid[], a int[], who uuid) returns setof uuid language plpgsql stable ${byKey} as $$
begin
  return query select u.i from unnest(p, i, a) as u(p, i, a)
    where not exists (select 1 from lease l where ${leaseOf('u')} and l.attempt = u.a and (l.replica_id = who) is true);
end $$`

/** Which of the leases the replica does not hold any more. */
export async function lostLeases(
  db: Queryable,
  leases: readonly { projectId: string; operationId: string; attempt: number }[],
  replicaId: string,
): Promise<string[]> {
  const values = [
    uuidArray(leases.map((l) => l.projectId)),
    uuidArray(leases.map((l) => l.operationId)),
    int4Array(leases.map((l) => l.attempt)),
    replicaId,
  ]
  const text = 'select lost_leases as id from lost_leases($1, $2, $3, $4)'
  return (await run<{ id: string }>(db, 'lost_leases', text, values)).map((row) => row.id)
}
