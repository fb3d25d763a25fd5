import assert from 'node:assert/strict'
import { Client } from 'pg'
import type { Database } from '../../src/storage/database.ts'
import { dropPartitions } from '../../src/storage/retention.ts'
import { deedDatabase } from '../support/operations.ts'

const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)
const named = (table: string, ago: number) => `${table}_${day(ago).replaceAll('-', '')}`
const of = (ago: number) => ['completion', 'item', 'result', 'operation'].map((table) => named(table, ago))

async function makeDays(db: Database, ...ago: number[]): Promise<void> {
  for (const n of ago) await db.pool.query('select make_day_partitions($1, $1)', [day(n)])
}

async function present(db: Database): Promise<string[]> {
  const text = `select relname as name from pg_class where relkind = 'r' and relname ~ '^(operation|result|completion|item)_[0-9]{8}$'`
  return (await db.pool.query<{ name: string }>(text)).rows.map(({ name }) => name)
}

describe('retention', () => {
  it('drops the partitions of days that ended longer ago, and no others', async () => {
    await using store = await deedDatabase()
    await makeDays(store.db, 40, 31, 30)
    assert.deepEqual(await dropPartitions(store.db.pool, 30), [...of(40), ...of(31)])
    const left = new Set(await present(store.db))
    assert(of(30).every((name) => left.has(name)) && of(0).every((name) => left.has(name)))
    assert(!of(31).some((name) => left.has(name)))
    assert.deepEqual(await dropPartitions(store.db.pool, 30), [])
  })

  it('keeps a day on which something unfinished was accepted', async () => {
    await using store = await deedDatabase()
    await makeDays(store.db, 40, 35)
    await store.db.pool.query(
      `insert into timer (project_id, operation_id, day, priority, due, attempt, failures, crashes, max_failures, detached, attempt_timeout, expires_at)
      values ($1, gen_random_uuid(), $2, 2, now(), 0, 0, 0, 3, true, '1 min', now())`,
      [store.projectId, day(35)],
    )
    assert.deepEqual(await dropPartitions(store.db.pool, 30), of(40))
    await store.db.pool.query('delete from timer')
    assert.deepEqual(await dropPartitions(store.db.pool, 30), of(35))
  })

  it('finishes what a run that was cut off has left detached, or half-way to it', async () => {
    await using store = await deedDatabase()
    await makeDays(store.db, 40)
    await store.db.pool.query(`alter table result detach partition ${named('result', 40)}`)
    // A snapshot that is held open elsewhere keeps the detach waiting, until its statement is ended.
    const elsewhere = new Client({ connectionString: store.url })
    const cutOff = new Client({ connectionString: store.url, statement_timeout: 300 })
    await Promise.all([elsewhere.connect(), cutOff.connect()])
    try {
      await elsewhere.query('begin isolation level repeatable read')
      await elsewhere.query('select count(*) from operation')
      const text = `alter table operation detach partition ${named('operation', 40)} concurrently`
      await assert.rejects(cutOff.query(text), /statement timeout/)
      await elsewhere.query('rollback')
    } finally {
      await Promise.all([elsewhere.end(), cutOff.end()])
    }
    assert.deepEqual(await dropPartitions(store.db.pool, 30), of(40))
    assert(!(await present(store.db)).some((name) => of(40).includes(name)))
  })
})
