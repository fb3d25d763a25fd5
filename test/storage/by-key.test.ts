import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { lostLeases } from '../../src/storage/statements/lost-leases.ts'
import { settle } from '../../src/storage/statements/settle.ts'
import { deedDatabase } from '../support/operations.ts'

const leases = 500
const few = 10

describe('leases', () => {
  it('are looked up by key, also when there were none when the table was last vacuumed', async () => {
    await using store = await deedDatabase()
    const { projectId } = store
    const replicaId = randomUUID()
    await store.db.pool.query('vacuum analyze lease')
    const { rows } = await store.db.pool.query<{ id: string }>(
      `with made as (
        insert into operation (project_id, id, day, contract, version, method, request)
        select $1, gen_random_uuid(), (now() at time zone 'UTC')::date, 'test.v1.Echo', 1, 'Echo', '' from generate_series(1, $3::int) returning *)
      insert into lease (project_id, operation_id, day, priority, attempt, max_failures, detached, attempt_timeout, expires_at, replica_id, deadline_at)
        select project_id, id, day, 2, 1, 3, true, '1 min', now() + interval '1 hour', $2, now() + interval '1 min' from made
        returning operation_id as id`,
      [projectId, replicaId, leases],
    )
    const held = rows.slice(0, few).map(({ id }) => ({ projectId, operationId: id, attempt: 1 }))
    const client = await store.db.pool.connect()
    /** How many rows of the table a statement looks at. */
    const looksAt = async (statement: () => Promise<unknown>): Promise<number> => {
      await client.query('begin')
      await statement()
      const text = `select seq_tup_read + idx_tup_fetch as n from pg_stat_xact_user_tables where relname = 'lease'`
      const { rows: found } = await client.query<{ n: string }>(text)
      await client.query('commit')
      return Number(found[0]?.n)
    }
    try {
      const other = { projectId, operationId: randomUUID(), attempt: 1 }
      const looked = await looksAt(async () => {
        const lost = await lostLeases(client, [...held, other, { ...held[0], ...other, attempt: 2 }], replicaId)
        assert.deepEqual(lost, [other.operationId, other.operationId])
        assert.equal((await lostLeases(client, held, randomUUID())).length, few)
      })
      const batch = held.map((lease) => ({
        ...lease,
        code: 0,
        response: new Uint8Array(),
        model: '',
        ledger: [],
        cachedFrom: undefined,
      }))
      const settled = await looksAt(async () => {
        assert.deepEqual(
          await settle(client, batch, replicaId),
          batch.map(() => true),
        )
      })
      assert.ok(looked + settled < leases, `${looked} and ${settled} rows for ${few} leases`)
    } finally {
      client.release()
    }
  })
})
