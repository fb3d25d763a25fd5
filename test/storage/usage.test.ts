import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { dropPartitions } from '../../src/storage/retention.ts'
import { appendLedger } from '../../src/storage/statements/append-ledger.ts'
import type { LedgerRow } from '../../src/storage/statements/ledger.ts'
import { purgeDeleted } from '../../src/storage/statements/purge.ts'
import { rollUpUsage, usageAsOf } from '../../src/storage/statements/roll-up.ts'
import { queryUsage } from '../../src/storage/statements/usage.ts'
import { deedDatabase } from '../support/operations.ts'
import { rollUp, turnsUntil } from '../support/usage.ts'

type Store = Awaited<ReturnType<typeof deedDatabase>>

const today = new Date().toISOString().slice(0, 10)
const apiKeyId = randomUUID()

/** An operation without its place in the queue, which is of no interest here. */
async function operation(
  { db, projectId }: Store,
  day = today,
): Promise<{ projectId: string; operationId: string; day: string }> {
  const id = randomUUID()
  await db.pool.query(
    `insert into operation (project_id, id, day, contract, version, method, request, api_key_id) values ($1, $2, $3, 'test.v1.Echo', 1, 'Echo', '', $4)`,
    [projectId, id, day, apiKeyId],
  )
  return { projectId, operationId: id, day }
}

function completion(
  of: { projectId: string; operationId: string; day: string },
  more: Partial<LedgerRow> = {},
): LedgerRow {
  const usage = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 2, cacheWriteTokens: 1, costMicroUsd: 7n }
  const request = {
    providerRequestId: '',
    latencyMs: 1,
    startedAtMs: Date.parse(`${today}T12:00:00Z`),
    usageEstimated: false,
  }
  return { ...of, attempt: 1, sequence: 1, model: 'test/one', outcome: 'VALID', ...usage, ...request, ...more }
}

async function counted({ db, projectId }: Store) {
  const by = ['contract', 'method', 'model', 'apiKey', 'day'] as const
  const rows = await queryUsage(db.pool, projectId, { filter: {}, by, after: undefined, limit: 100 })
  return rows.map(({ group, sums }) => [...group, sums.valid + sums.aborted, sums.cost_micro_usd])
}

const all = (completions: bigint) => [
  ['test.v1.Echo', 'test.v1.Echo/Echo', 'test/one', apiKeyId, today, completions, 7n * completions],
]

describe('the count of usage', () => {
  let shared: Store
  /** As if each test had a database of its own: it has a project of its own, and all else is counted. */
  let store: Store

  before(async () => {
    shared = await deedDatabase()
  })
  beforeEach(() => {
    store = { ...shared, projectId: randomUUID() }
  })
  after(() => shared[Symbol.asyncDispose]())

  it('adds every completion once, however its rows were stored and however often', async () => {
    const { db } = store
    const rows = [completion(await operation(store)), completion(await operation(store))]
    await appendLedger(db.pool, rows)
    // As after a lost reply.
    await appendLedger(db.pool, rows)
    await rollUp(db.pool)
    assert.deepEqual(await counted(store), all(2n))
    await appendLedger(
      db.pool,
      rows.map((row) => ({ ...row, sequence: 2 })),
    )
    await rollUp(db.pool)
    await rollUp(db.pool)
    assert.deepEqual(await counted(store), all(4n))
  })

  it('has the tokens, outcomes and costs of the ledger, by the day on which completions began', async () => {
    const of = await operation(store)
    const yesterday = { startedAtMs: Date.parse(`${today}T00:00:00Z`) - 1 }
    const free = { costMicroUsd: undefined, usageEstimated: true }
    await appendLedger(store.db.pool, [
      completion(of),
      completion(of, { sequence: 2, outcome: 'ABORTED', ...free }),
      completion(of, { sequence: 3, outcome: 'FAILED', ...yesterday }),
    ])
    await rollUp(store.db.pool)
    const query = { filter: {}, by: ['day'] as const, after: undefined, limit: 10 }
    const [before, now] = await queryUsage(store.db.pool, store.projectId, query)
    const none = { invalid: 0n, refused: 0n, truncated: 0n }
    assert.deepEqual(now?.sums, {
      ...{ ...none, valid: 1n, failed: 0n, aborted: 1n, unpriced: 1n, estimated: 1n },
      ...{ input_tokens: 20n, output_tokens: 10n, cache_read_tokens: 4n, cache_write_tokens: 2n, cost_micro_usd: 7n },
    })
    assert.deepEqual([before?.sums.failed, before?.sums.cost_micro_usd], [1n, 7n])
    const last = { ...query, filter: { firstDay: today, lastDay: today } }
    assert.deepEqual(await queryUsage(store.db.pool, store.projectId, last), [now])
  })

  it('waits for a transaction that took its place earlier, and says up to when it has counted', async () => {
    const { db } = store
    const [late, early] = [completion(await operation(store)), completion(await operation(store))]
    const slow = new Client({ connectionString: store.url })
    await slow.connect()
    try {
      await slow.query('begin')
      await appendLedger(slow, [late])
      await appendLedger(db.pool, [early])
      const before = await usageAsOf(db.pool)
      // One sets the bound, the next would count up to it.
      for (const _ of [1, 2, 3]) await rollUpUsage(db.pool, 1_000)
      assert.deepEqual(await counted(store), [])
      assert.deepEqual(await usageAsOf(db.pool), before)
      await slow.query('commit')
    } finally {
      await slow.end()
    }
    await rollUp(db.pool)
    assert.deepEqual(await counted(store), all(2n))
    assert((await usageAsOf(db.pool)).getTime() > Date.now() - 60_000)
  })

  it('knows whose completions those of deleted operations are', async () => {
    const { db, projectId } = store
    const of = await operation(store)
    await appendLedger(db.pool, [completion(of)])
    await db.pool.query(
      `insert into result (project_id, id, day, attempt, code, response, model) values ($1, $2, $3, 1, 0, '', '')`,
      [projectId, of.operationId, today],
    )
    await db.pool.query('select remove_operation($1, $2, $3)', [projectId, of.operationId, today])
    // What a zombie stores comes later still.
    await appendLedger(db.pool, [completion(of, { sequence: 2 })])
    await rollUp(db.pool)
    assert.deepEqual(await counted(store), all(2n))
  })

  it('forgets whose a deleted operation was when its day is past the retention, and counted', async () => {
    const { db, projectId } = store
    const days = [40, 31, 30, 0].map((ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10))
    const values = days.map((day) => `('${projectId}', gen_random_uuid(), '${day}', 'test.v1.Echo', 'Echo')`)
    await db.pool.query(
      `insert into deleted_operation (project_id, id, day, contract, method) values ${values.join(', ')}`,
    )
    await db.pool.query(`update usage_cursor set as_of = now() - interval '35 days'`)
    assert.equal(await purgeDeleted(db.pool, 30, 10), 1)
    await appendLedger(db.pool, [completion(await operation(store))])
    await rollUp(db.pool)
    assert.equal(await purgeDeleted(db.pool, 30, 10), 1)
  })

  it('is made in batches, by rival replicas, and goes on where one was killed', async () => {
    const { db } = store
    const of = await operation(store)
    const rows = Array.from({ length: 50 }, (_, index) => completion(of, { sequence: index + 1 }))
    await Promise.all(rows.map((row) => appendLedger(db.pool, [row])))
    await rollUpUsage(db.pool, 7)
    await turnsUntil(() => rollUpUsage(db.pool, 7))
    assert.deepEqual(await counted(store), all(7n))
    const killed = new Client({ connectionString: store.url })
    await killed.connect()
    killed.on('error', () => {})
    const { rows: pid } = await killed.query<{ pid: number }>('select pg_backend_pid() as pid')
    // Its transaction stays open behind the count, until its connection is cut.
    await killed.query('begin isolation level read committed')
    await rollUpUsage(killed, 7)
    await db.pool.query('select pg_terminate_backend($1, 5000)', [pid[0]?.pid])
    assert.deepEqual(await counted(store), all(7n))
    await Promise.all(Array.from({ length: 4 }, () => rollUp(db.pool, 7)))
    await rollUp(db.pool, 7)
    assert.deepEqual(await counted(store), all(50n))
  })

  it('goes on in a cluster into which the database was restored, whose transactions have lower ids', async () => {
    const { db } = store
    await appendLedger(db.pool, [completion(await operation(store))])
    await rollUpUsage(db.pool, 1_000)
    await db.pool.query(`update usage_cursor set bound_xid = '4000000000000'`)
    await appendLedger(db.pool, [completion(await operation(store))])
    await rollUp(db.pool)
    await rollUp(db.pool)
    assert.deepEqual(await counted(store), all(2n))
  })

  it('outlives the ledger, of which nothing is dropped that is not counted', async () => {
    const { db } = store
    const old = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 10)
    await db.pool.query('select make_day_partitions($1, $1)', [old])
    await appendLedger(db.pool, [completion(await operation(store, old))])
    assert.deepEqual(await dropPartitions(db.pool, 30), [])
    await rollUp(db.pool)
    assert.equal((await dropPartitions(db.pool, 30)).length, 4)
    assert.deepEqual(await counted(store), all(1n))
  })
})
