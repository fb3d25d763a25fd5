import assert from 'node:assert/strict'
import { parseFilter } from '../../src/rpc/filter/parse.ts'
import type { Listing, OperationRow } from '../../src/storage/statements/operation-row.ts'
import { listingStatement, listOperations } from '../../src/storage/statements/operations.ts'
import { deedDatabase } from '../support/operations.ts'

type Plan = Record<string, unknown> & { Plans?: Plan[] }

/** On each of two days an operation every 8 s; of the last day's, the last few wait. */
const perDay = 10_000
const waiting = 300
const ended = perDay - waiting

/** Each 50th fails and each 200th is cancelled; some contracts and methods are rare. All end after 3 s. */
const fill = [
  `insert into operation (project_id, id, day, contract, version, method, request, accepted_at)
    select $1, (substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(r, 1, 3) || '-8' || substr(r, 4, 3) || '-' || substr(r, 7, 12))::uuid,
      day, 'test.v1.' || case when n % 100 = 7 then 'Rare' else 'Common' end, 1, case when n % 100 = 13 then 'Seldom' else 'Often' end,
      convert_to(n::text, 'UTF8'), at
    from (select (now() at time zone 'UTC')::date - 1 union all select (now() at time zone 'UTC')::date) d(day), generate_series(1, ${perDay}) n,
      lateral (select (day::timestamp at time zone 'UTC') + n * interval '8 s' as at) x,
      lateral (select md5(day::text || n) as r, lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') as t) y`,
  `insert into result (project_id, id, day, attempt, code, response, model, settled_at)
    select project_id, id, day, 1, case when n % 200 = 0 then 1 when n % 50 = 0 then 13 else 0 end, '', 'test/one', accepted_at + interval '3 s'
    from operation, lateral (select convert_from(request, 'UTF8')::int as n) x
    where project_id = $1 and (n <= ${ended} or day < (now() at time zone 'UTC')::date) order by accepted_at`,
  `insert into ready (project_id, priority, due, operation_id, day, attempt, max_failures, detached, attempt_timeout, expires_at)
    select project_id, 2, now(), id, day, 0, 1, true, '1 min', now() + interval '1 day'
    from operation o where project_id = $1 and not exists (select 1 from result r where r.project_id = o.project_id and r.id = o.id)`,
]

describe('listings of many operations', () => {
  let deed: Awaited<ReturnType<typeof deedDatabase>>
  let midnight = 0

  before(async () => {
    deed = await deedDatabase()
    const { pool } = deed.db
    await pool.query(
      `select make_day_partitions((now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + 7)`,
    )
    const other = 'insert into project (id, name) values (gen_random_uuid(), $1) returning id'
    const { rows } = await pool.query<{ id: string }>(other, ['other'])
    for (const id of [deed.projectId, rows[0]?.id]) for (const text of fill) await pool.query(text, [id])
    // What autovacuum does soon after: it summarizes what is new for the index on settled_at.
    await pool.query('vacuum analyze')
    const now = await pool.query<{ ms: number }>(
      `select (extract(epoch from date_trunc('day', now() at time zone 'UTC')) * 1000)::float8 as ms`,
    )
    midnight = now.rows[0]?.ms ?? 0
  })

  after(() => deed[Symbol.asyncDispose]())

  /** The time at which the n-th operation of today was accepted, or of yesterday for a negative one. */
  const at = (n: number) => new Date(midnight + n * 8_000).toISOString()
  const listing = (text: string, more: Partial<Listing> = {}): Listing => {
    const filter = parseFilter(text)
    assert.ok(filter)
    return { filter, order: 'desc', after: undefined, limit: 51, payload: 'result', ...more }
  }
  const list = async (text: string, more: Partial<Listing> = {}) =>
    (await listOperations(deed.db.pool, deed.projectId, listing(text, { limit: 100_000, ...more }))).rows
  const count = (n: number, test: (n: number) => boolean) =>
    Array.from({ length: n }, (_, index) => index + 1).filter(test).length
  const failed = (n: number) => n % 50 === 0 && n % 200 !== 0

  const filters: [string, () => string, number][] = [
    ['nothing', () => '', 2 * perDay],
    [
      'a state that most have',
      () => 'state = SUCCEEDED',
      count(perDay, (n) => n % 50 !== 0) + count(ended, (n) => n % 50 !== 0),
    ],
    ['failures', () => 'state = FAILED', count(perDay, failed) + count(ended, failed)],
    [
      'what was cancelled',
      () => 'state = CANCELLED',
      count(perDay, (n) => n % 200 === 0) + count(ended, (n) => n % 200 === 0),
    ],
    ['what waits', () => 'state = READY', waiting],
    ['what waits for another attempt', () => 'state = WAITING', 0],
    ['what runs', () => 'state = RUNNING', 0],
    ['what has ended', () => 'done = true', perDay + ended],
    ['what has not', () => 'done = false', waiting],
    ['a common contract', () => 'contract = test.v1.Common', 2 * perDay - 200],
    ['a rare contract', () => 'contract = test.v1.Rare', 200],
    ['a contract that is not there', () => 'contract = test.v1.None', 0],
    ['a rare method', () => 'method = Seldom', 200],
    ['a method of a contract', () => 'method = test.v1.Common/Seldom', 200],
    ['a rare contract that waits', () => 'contract = test.v1.Rare AND done = false', waiting / 100],
    ['an hour', () => `accept_time >= ${at(-4_000)} AND accept_time < ${at(-3_550)}`, 450],
    ['the millisecond of one', () => `accept_time = ${at(5)}`, 1],
    ['all before', () => `accept_time < ${at(-perDay)}`, count(perDay, (n) => n * 8 < 86_400 - perDay * 8)],
    ['an hour that failed', () => `accept_time > ${at(0)} AND accept_time <= ${at(400)} AND state = FAILED`, 6],
    ['the ends of some minutes', () => `settle_time >= ${at(1_000)} AND settle_time < ${at(1_100)}`, 100],
    [
      'the failures of some minutes',
      () => `settle_time >= ${at(1_000)} AND settle_time < ${at(1_100)} AND state = FAILED`,
      1,
    ],
    ['all that ended before', () => `settle_time < ${at(500)}`, perDay + 499],
    ['all that ended since', () => `settle_time >= ${at(0)}`, ended],
    ['all that ended in a while, of a contract', () => `settle_time > ${at(ended - 100)} contract = test.v1.Rare`, 1],
  ]

  for (const [name, text, expected] of filters) {
    it(`find all, in both orders, and read what they show: ${name}`, async () => {
      const [newest, oldest] = [await list(text()), await list(text(), { order: 'asc' })]
      assert.equal(newest.length, expected)
      const ids = newest.map(({ id }) => id)
      assert.deepEqual(ids, ids.toSorted().reverse())
      assert.deepEqual(
        oldest.map(({ id }) => id),
        ids.toReversed(),
      )
      // An open end is looked for in the order of acceptance: all of a day that ended before it may be passed.
      for (const order of name === 'all that ended since' ? [] : (['asc', 'desc'] as const)) {
        const scanned = await read(listing(text(), { order }))
        // A page of 51; a rare one may be looked for among a day's failures, never among all operations.
        assert.deepEqual(
          scanned.filter(({ rows }) => rows > 3_000),
          [],
          name,
        )
        assert.deepEqual(
          scanned.filter(({ node, rows }) => node === 'Seq Scan' && rows > 300),
          [],
          name,
        )
      }
    })
  }

  it('go on after a row, in both orders', async () => {
    for (const order of ['asc', 'desc'] as const) {
      for (const text of ['', 'state = FAILED', 'done = false', `settle_time < ${at(500)}`]) {
        const all = (await list(text, { order, limit: 120 })).map(({ id }) => id)
        const rest = await list(text, { order, after: all[49], limit: 70 })
        assert.deepEqual(
          rest.map(({ id }) => id),
          all.slice(50),
        )
      }
    }
  })

  it('show the states that they find', async () => {
    const states = (rows: OperationRow[]) => [...new Set(rows.map(({ state }) => state))].toSorted()
    assert.deepEqual(states(await list('', { limit: 20_000 })), ['CANCELLED', 'FAILED', 'READY', 'SUCCEEDED'])
    assert.deepEqual(states(await list('done = true')), ['CANCELLED', 'FAILED', 'SUCCEEDED'])
  })

  /** How many rows each scan of a page's plan has touched. */
  async function read(of: Listing): Promise<{ node: string; table: string; rows: number }[]> {
    const { text, values } = listingStatement(deed.projectId, of)
    const { rows } = await deed.db.pool.query<Record<string, [{ Plan: Plan }]>>(
      `explain (analyze, timing off, format json) ${text}`,
      values,
    )
    const scans: { node: string; table: string; rows: number }[] = []
    const visit = (plan: Plan): void => {
      const loops = Number(plan['Actual Loops'] ?? 0)
      const touched = ['Actual Rows', 'Rows Removed by Filter', 'Rows Removed by Index Recheck']
        .map((key) => Number(plan[key] ?? 0))
        .reduce((sum, each) => sum + each, 0)
      if (plan['Relation Name'] !== undefined) {
        scans.push({ node: String(plan['Node Type']), table: String(plan['Relation Name']), rows: touched * loops })
      }
      plan.Plans?.forEach(visit)
    }
    const [answer] = rows
    visit((answer?.['QUERY PLAN'] ?? [])[0]?.Plan ?? {})
    return scans
  }
})
