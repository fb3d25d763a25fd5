import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Database } from '../../src/storage/database.ts'
import { candidates, claim } from '../../src/storage/statements/claim.ts'
import { reap } from '../../src/storage/statements/reap.ts'
import { register } from '../../src/storage/statements/replica.ts'
import { deedDatabase } from '../support/operations.ts'

type Store = Awaited<ReturnType<typeof deedDatabase>>

/** Projects with so many due operations each. */
async function projects({ db }: Store, weights: readonly number[], due: number): Promise<string[]> {
  const ids = weights.map(() => randomUUID()).toSorted()
  for (const [n, id] of ids.entries()) {
    await db.pool.query('insert into project (id, name) values ($1, $2)', [id, `project ${id}`])
    await db.pool.query('insert into lane (project_id, weight) values ($1, $2)', [id, weights[n]])
    await fill(db, id, due)
  }
  return ids
}

async function fill(db: Database, projectId: string, due: number): Promise<void> {
  await db.pool.query(
    `with made as (
      insert into operation (project_id, id, day, contract, version, method, request)
      select $1, gen_random_uuid(), (now() at time zone 'UTC')::date, 'test.v1.Echo', 1, 'Echo', '' from generate_series(1, $2::int) returning *)
    insert into ready (project_id, operation_id, day, priority, due, attempt, max_failures, detached, attempt_timeout, expires_at)
      select project_id, id, day, 2, now(), 0, 3, true, '1 min', now() + interval '1 hour' from made`,
    [projectId, due],
  )
}

const shares = (rows: readonly { projectId: string }[], ids: readonly string[]) =>
  ids.map((id) => rows.filter(({ projectId }) => projectId === id).length)

describe('claim', () => {
  it('shares what a replica can do by weight, and gives a lane nothing for the time that it was idle', async () => {
    await using store = await deedDatabase()
    const { pool } = store.db
    const ids = await projects(store, [3, 1], 400)
    const who = randomUUID()
    await register(pool, who, 60_000)
    let clock = 0
    const take = async (among: readonly string[], times: number) => {
      const rows = []
      for (let n = 0; n < times; n++) {
        const claimed = await claim(pool, who, 4, among, 16, clock)
        clock = claimed.start
        rows.push(...claimed.rows)
      }
      return shares(rows, ids)
    }
    const [heavy = 0, light = 0] = await take(ids, 40)
    assert.equal(heavy + light, 160)
    assert(heavy >= 112 && heavy <= 128, `${heavy} of 160`)
    // The light one alone for a while; then the other is back.
    await take(ids.slice(1), 40)
    const [back = 0, busy = 0] = await take(ids, 20)
    assert(back >= 52 && busy >= 12, `${back} and ${busy} of 80`)
  })

  it('keeps a limit exactly while replicas race', async () => {
    await using store = await deedDatabase()
    const { pool } = store.db
    const ids = await projects(store, [1], 200)
    await pool.query('update lane set max_running = 5 where project_id = any ($1)', [ids])
    const replicas = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
    for (const who of replicas) await register(pool, who, 60_000)
    let taken = 0
    for (let race = 0; race < 20; race++) {
      const claims = await Promise.all(replicas.map((who) => claim(pool, who, 3, ids, 16, 0)))
      taken += claims.flatMap(({ rows }) => rows).length
      const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from lease')
      assert((rows[0]?.n ?? 0) <= 5, `${rows[0]?.n} leases`)
      await pool.query('delete from lease where operation_id in (select operation_id from lease limit 3)')
    }
    assert(taken > 20)
  })

  it('says which lanes are empty and which are at their limit', async () => {
    await using store = await deedDatabase()
    const { pool } = store.db
    const [few = '', blocked = '', many = ''] = await projects(store, [1, 1, 1], 3)
    await pool.query('update lane set max_running = 1 where project_id = $1', [blocked])
    await fill(store.db, many, 100)
    const who = randomUUID()
    await register(pool, who, 60_000)
    await claim(pool, who, 1, [blocked], 16, 0)
    assert.deepEqual((await candidates(pool)).toSorted(), [few, blocked, many].toSorted())
    const claimed = await claim(pool, who, 100, [few, blocked, many], 16, 0)
    assert.deepEqual(
      [claimed.empty, claimed.blocked, shares(claimed.rows, [few, blocked, many])],
      [[few], [blocked], [3, 0, 16]],
    )
  })

  it('is given back by the reaper, more slowly each time, and ended by it at the third loss', async () => {
    await using store = await deedDatabase()
    const { pool } = store.db
    const [id = ''] = await projects(store, [1], 1)
    for (let crash = 1; crash <= 3; crash++) {
      const who = randomUUID()
      await register(pool, who, 60_000)
      const { rows } = await claim(pool, who, 1, [id], 16, 0)
      assert.equal(rows[0]?.attempt, crash)
      assert.equal(await reap(pool, 10, Buffer.from('lost'), Buffer.from('hung')), 0)
      await pool.query(`update replica set expires_at = now() - interval '1 s' where id = $1`, [who])
      assert.equal(await reap(pool, 10, Buffer.from('lost'), Buffer.from('hung')), 1)
      await pool.query(`with t as (delete from timer returning *)
        insert into ready (project_id, operation_id, day, priority, due, attempt, failures, crashes, max_failures, detached, attempt_timeout, expires_at)
        select project_id, operation_id, day, priority, now(), attempt, failures, crashes, max_failures, detached, attempt_timeout, expires_at from t`)
    }
    const { rows } = await pool.query<{ code: number; response: Buffer }>('select code, response from result')
    assert.deepEqual(rows, [{ code: 10, response: Buffer.from('lost') }])
  })
})
