import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { countItems, lastItems, readItems } from '../../src/storage/statements/items.ts'
import { putItems } from '../../src/storage/statements/put-items.ts'
import { reap } from '../../src/storage/statements/reap.ts'
import { deedDatabase } from '../support/operations.ts'

type Store = Awaited<ReturnType<typeof deedDatabase>>

const none = Buffer.alloc(0)
const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text))

/** An operation that a replica holds under attempt 2. */
async function leased({ db, projectId }: Store, replicaId: string) {
  const { rows } = await db.pool.query<{ operationId: string; day: string }>(
    `with made as (
      insert into operation (project_id, id, day, contract, version, method, request)
      select $1, gen_random_uuid(), (now() at time zone 'UTC')::date, 'test.v1.Echo', 1, 'Echo', '' returning *)
    insert into lease (project_id, operation_id, day, priority, attempt, max_failures, detached, attempt_timeout, expires_at, replica_id, deadline_at)
      select project_id, id, day, 2, 2, 3, true, '1 min', now() + interval '1 hour', $2, now() + interval '1 min' from made
      returning operation_id as "operationId", day::text`,
    [projectId, replicaId],
  )
  const [row] = rows
  assert.ok(row)
  return { projectId, ...row, attempt: 2 }
}

describe('items', () => {
  let store: Store
  const replicaId = randomUUID()

  before(async () => {
    store = await deedDatabase()
  })
  after(() => store[Symbol.asyncDispose]())

  it('are stored while the lease of their attempt holds, and by nobody else', async () => {
    const pool = store.db.pool
    const [one, other] = [await leased(store, replicaId), await leased(store, replicaId)]
    const batch = [
      { ...one, from: 1, items: bytes('a', 'b') },
      { ...other, attempt: 1, from: 1, items: bytes('zombie') },
      { ...other, operationId: randomUUID(), from: 1, items: bytes('nobody') },
    ]
    assert.deepEqual(await putItems(pool, batch, replicaId), [true, false, false])
    assert.deepEqual(await putItems(pool, [{ ...one, from: 3, items: bytes('c') }], randomUUID()), [false])
    assert.deepEqual((await readItems(pool, one, 0, 10)).map(String), ['a', 'b'])
    assert.deepEqual([...(await countItems(pool, [one, other]))], [[one.operationId, 2]])
  })

  it('are stored once when they are sent again, and never in the place of another', async () => {
    const pool = store.db.pool
    const one = await leased(store, replicaId)
    const put = (from: number, ...texts: string[]) =>
      putItems(pool, [{ ...one, from, items: bytes(...texts) }], replicaId)
    assert.deepEqual(await put(1, 'a', 'b'), [true])
    assert.deepEqual(await put(1, 'a', 'b'), [true])
    assert.deepEqual(await put(2, 'other'), [false])
    // A reply that was lost: the lease has gone meanwhile, and the items are there.
    await pool.query('delete from lease where operation_id = $1', [one.operationId])
    assert.deepEqual(await put(1, 'a', 'b'), [true])
    assert.deepEqual(await put(3, 'c'), [false])
    assert.deepEqual((await readItems(pool, one, 0, 10)).map(String), ['a', 'b'])
  })

  it('keep their lease from being taken away until they are committed', async () => {
    const one = await leased(store, randomUUID())
    const replica = (
      await store.db.pool.query('select replica_id as id from lease where operation_id = $1', [one.operationId])
    ).rows[0].id
    await store.db.pool.query('delete from lease where operation_id <> $1', [one.operationId])
    const client = await store.db.pool.connect()
    try {
      await client.query('begin')
      assert.deepEqual(await putItems(client, [{ ...one, from: 1, items: bytes('a') }], replica), [true])
      assert.equal(await reap(store.db.pool, 10, none, none), 0)
      await client.query('commit')
      assert.equal(await reap(store.db.pool, 10, none, none), 1)
    } finally {
      client.release()
    }
    assert.deepEqual(await putItems(store.db.pool, [{ ...one, from: 2, items: bytes('b') }], replica), [false])
  })

  it('are read in pages of a bounded size', async () => {
    const pool = store.db.pool
    const one = await leased(store, replicaId)
    const large = 'x'.repeat(1_400_000)
    for (let n = 1; n <= 4; n++) await putItems(pool, [{ ...one, from: n, items: bytes(large) }], replicaId)
    await putItems(pool, [{ ...one, from: 5, items: bytes('y'.repeat(3_500_000), 'z') }], replicaId)
    const pages: number[] = []
    for (let after = 0; after < 6; after += pages.at(-1) ?? 6)
      pages.push((await readItems(pool, one, after, 10)).length)
    assert.deepEqual(pages, [2, 2, 1, 1])
    assert.equal((await readItems(pool, one, 0, 1)).length, 1)
    assert.deepEqual(await readItems(pool, one, 6, 10), [])
  })

  it('are read from their end, as many as a page holds', async () => {
    const pool = store.db.pool
    const one = await leased(store, replicaId)
    assert.deepEqual(await lastItems(pool, one, 10), [])
    const large = 'x'.repeat(1_400_000)
    await putItems(pool, [{ ...one, from: 1, items: bytes('a', large, 'b', large, 'c') }], replicaId)
    const last = async (limit: number) => (await lastItems(pool, one, limit)).map((item) => String(item.subarray(0, 1)))
    assert.deepEqual(await last(2), ['x', 'c'])
    assert.deepEqual(await last(10), ['a', 'x', 'b', 'x', 'c'])
    await putItems(pool, [{ ...one, from: 6, items: bytes(large, 'd') }], replicaId)
    assert.deepEqual(await last(10), ['b', 'x', 'c', 'x', 'd'])
    await putItems(pool, [{ ...one, from: 8, items: bytes('y'.repeat(3_500_000)) }], replicaId)
    assert.deepEqual(await last(10), ['y'])
  })
})
