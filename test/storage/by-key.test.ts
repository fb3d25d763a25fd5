import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { giveBack } from '../../src/storage/statements/give-back.ts'
import { giveUp } from '../../src/storage/statements/give-up.ts'
import { lostLeases } from '../../src/storage/statements/lost-leases.ts'
import { putItems } from '../../src/storage/statements/put-items.ts'
import { settle } from '../../src/storage/statements/settle.ts'
import type { Queryable } from '../../src/storage/statements/statement.ts'
import { deedDatabase } from '../support/operations.ts'

const held = 500
const few = 10
const columns = 'project_id, operation_id, day, priority, attempt, max_failures, detached, attempt_timeout, expires_at'
const end = { code: 10, status: new Uint8Array() }

/** Adds rows to `lease` or `ready`, where there were none when the table was last vacuumed. Returns their operations. */
async function hold(db: Queryable, projectId: string, table: 'lease' | 'ready', own: Readonly<Record<string, string>>) {
  await db.query({ text: `vacuum analyze ${table}` })
  const { rows } = await db.query<{ id: string }>({
    text: `with made as (
        insert into operation (project_id, id, day, contract, version, method, request)
        select $1, gen_random_uuid(), (now() at time zone 'UTC')::date, 'test.v1.Echo', 1, 'Echo', '' from generate_series(1, $2::int) returning *)
      insert into ${table} (${columns}, ${Object.keys(own).join(', ')})
        select project_id, id, day, 2, 1, 3, true, '1 min', now() + interval '1 hour', ${Object.values(own).join(', ')} from made
        returning operation_id as id`,
    values: [projectId, held],
  })
  return rows.map(({ id }) => ({ projectId, operationId: id, attempt: 1 }))
}

/** How many rows of a table a statement looks at. `db`: one connection. */
async function looksAt(db: Queryable, table: string, statement: () => Promise<unknown>): Promise<number> {
  const text = `select seq_tup_read + idx_tup_fetch as n from pg_stat_xact_user_tables where relname = '${table}'`
  const count = async () => Number((await db.query<{ n: string }>({ text })).rows[0]?.n ?? 0)
  await db.query({ text: 'begin' })
  const before = await count()
  await statement()
  const looked = (await count()) - before
  await db.query({ text: 'commit' })
  return looked
}

describe('leases and what is queued', () => {
  it('are looked up by key, also when there were none when their table was last vacuumed', async () => {
    await using store = await deedDatabase()
    const { projectId } = store
    const replicaId = randomUUID()
    const leases = await hold(store.db.pool, projectId, 'lease', {
      replica_id: `'${replicaId}'`,
      deadline_at: `now() + interval '1 min'`,
    })
    const client = await store.db.pool.connect()
    try {
      const other = { projectId, operationId: randomUUID(), attempt: 1 }
      const looked = await looksAt(client, 'lease', async () => {
        const first = leases.slice(0, few)
        const lost = await lostLeases(client, [...first, other, { ...first[0], ...other, attempt: 2 }], replicaId)
        assert.deepEqual(lost, [other.operationId, other.operationId])
        assert.equal((await lostLeases(client, first, randomUUID())).length, few)
      })
      const stored = await looksAt(client, 'lease', async () => {
        const first = leases.slice(0, few)
        const items = [Buffer.from('a'), Buffer.from('b')]
        const puts = [...first, other].map((lease) => ({ ...lease, from: 1, items }))
        assert.deepEqual(await putItems(client, puts, replicaId), [...first.map(() => true), false])
      })
      const batch = leases.slice(0, few).map((lease) => ({
        ...{ ...lease, code: 0, response: new Uint8Array(), model: '' },
        ...{ ledger: [], cachedFrom: undefined },
      }))
      const settled = await looksAt(client, 'lease', async () => {
        assert.deepEqual(
          await settle(client, batch, replicaId),
          batch.map(() => true),
        )
      })
      const givenBack = await looksAt(client, 'lease', async () => {
        const back = [...leases.slice(few, 2 * few), other]
        assert.equal(await giveBack(client, back, randomUUID(), end), 0)
        assert.equal(await giveBack(client, back, replicaId, end), few)
      })
      const all = looked + stored + settled + givenBack
      assert.ok(all < held / 2, `${looked}, ${stored}, ${settled} and ${givenBack} rows for ${few} leases`)
    } finally {
      client.release()
    }
  })

  it('are not read when nobody is gone who waits for what is queued, and only what its caller left is', async () => {
    await using store = await deedDatabase()
    const { projectId } = store
    const [living, gone] = [randomUUID(), randomUUID()]
    const { pool } = store.db
    await pool.query(`insert into replica (id, expires_at) values ($1, now() + interval '1 min')`, [living])
    const queued = await hold(pool, projectId, 'ready', { due: 'now()', origin: `'${living}'` })
    const client = await pool.connect()
    const sweep = () => giveUp(client, held, new Uint8Array(), new Uint8Array())
    try {
      assert.ok((await looksAt(client, 'ready', async () => assert.equal(await sweep(), 0))) < few)
      const left = queued.slice(0, few).map(({ operationId }) => operationId)
      await client.query('update ready set origin = $1 where operation_id = any ($2)', [gone, left])
      assert.ok((await looksAt(client, 'ready', async () => assert.equal(await sweep(), few))) < held / 2)
      const again = queued.slice(few, 2 * few)
      const given = await looksAt(client, 'ready', async () => {
        await giveBack(client, again, gone, end)
        await giveBack(client, again, living, end)
      })
      assert.ok(given < held / 2, `${given} rows for ${few}`)
      const { rows } = await client.query('select count(*)::int as n from ready')
      assert.deepEqual(rows, [{ n: held - 2 * few }])
    } finally {
      client.release()
    }
  })
})
