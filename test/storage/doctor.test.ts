import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { v7 } from 'uuid'
import { examine } from '../../src/storage/statements/doctor.ts'
import { migratedDatabase } from '../support/postgres.ts'

const projectId = randomUUID()
const [living, dead] = [randomUUID(), randomUUID()]
const day = `(now() at time zone 'UTC')::date`

describe('doctor', () => {
  const stack = new AsyncDisposableStack()
  let client: Client

  before(async () => {
    const { url } = stack.use(await migratedDatabase())
    client = new Client({ connectionString: url })
    await client.connect()
    stack.defer(() => client.end())
  })
  after(() => stack.disposeAsync())

  beforeEach(async () => {
    await client.query(`insert into project (id, name) values ('${projectId}', 'p')`)
    await client.query(`insert into lane (project_id) values ('${projectId}')`)
    await client.query(`insert into replica values ('${living}', now() + interval '10 s')`)
  })
  afterEach(async () => {
    await client.query(
      'truncate operation, result, completion, item, idempotency, ready, timer, lease, replica, lane, project cascade',
    )
  })

  const accepted = async ({ id = v7(), on = day, key = 'null' } = {}) => {
    await client.query(`insert into operation (project_id, id, day, contract, version, method, key, request)
      values ('${projectId}', '${id}', ${on}, 'a.v1.A', 1, 'M', ${key}, '')`)
    return id
  }
  /** Puts it into ready, timer or lease; `more` has columns and their values. */
  const put = (table: string, id: string, more: Record<string, string>) => {
    const columns = [
      'project_id',
      'operation_id',
      'day',
      'priority',
      'attempt',
      'max_failures',
      'detached',
      'attempt_timeout',
      'expires_at',
    ]
    const values = [
      `'${projectId}'`,
      `'${id}'`,
      day,
      '2',
      '1',
      '3',
      'true',
      `interval '60 s'`,
      `now() + interval '1 hour'`,
    ]
    return client.query(
      `insert into ${table} (${[...columns, ...Object.keys(more)]}) values (${[...values, ...Object.values(more)]})`,
    )
  }
  const leased = (id: string, more: Record<string, string> = {}) =>
    put('lease', id, { replica_id: `'${living}'`, deadline_at: `now() + interval '60 s'`, ...more })
  const ended = (id: string) =>
    client.query(
      `insert into result (project_id, id, day, attempt, code, response, model) values ('${projectId}', '${id}', ${day}, 1, 0, '', '')`,
    )
  const found = async () => {
    const { findings } = await examine(client)
    return findings.map(({ fault, table, operation, replica }) => [
      fault,
      table,
      operation,
      ...(replica === null ? [] : [replica]),
    ])
  }

  it('finds nothing in a database that is as it should be, and says what it looked at', async () => {
    await ended(await accepted())
    const keyed = await accepted({ key: `'k'` })
    await leased(keyed)
    await client.query(
      `insert into idempotency values ('${projectId}', 'a.v1.A/M', 'k', '', '${keyed}', ${day}, now() + interval '1 day')`,
    )
    await put('ready', await accepted(), { due: 'now()' })
    await put('timer', await accepted(), { due: `now() - interval '20 s'` })
    assert.deepEqual(await examine(client), {
      findings: [],
      examined: { operations: 4, unfinished: 3, projects: 1, replicas: 1 },
    })
  })

  it('finds an operation that is nowhere, but for one whose results retention has dropped', async () => {
    const id = await accepted()
    assert.deepEqual(await found(), [['nowhere', 'operation', id]])
    const old = '00000000-0000-7000-8000-000000000000'
    await client.query(`select make_day_partitions('1970-01-01', '1970-01-01')`)
    await ended(id)
    await accepted({ id: old, on: `date '1970-01-01'` })
    assert.deepEqual(await found(), [['nowhere', 'operation', old]])
    await client.query('drop table result_19700101')
    assert.deepEqual(await found(), [])
    await client.query('drop table operation_19700101, completion_19700101')
  })

  it('finds an operation that is in several places', async () => {
    const [twice, over] = [await accepted(), await accepted()]
    await put('ready', twice, { due: 'now()' })
    await leased(twice)
    await leased(over)
    await ended(over)
    assert.deepEqual(
      await found(),
      [
        ['in several places', 'lease', twice],
        ['in several places', 'lease', over],
      ].toSorted(),
    )
  })

  it('finds what has no operation', async () => {
    const ids = [v7(), v7(), v7()].toSorted()
    const [a = '', b = '', c = ''] = ids
    await ended(a)
    await leased(b)
    await put('timer', c, { due: 'now()' })
    assert.deepEqual(
      (await found()).toSorted((x, y) => String(x[2]).localeCompare(String(y[2]))),
      [
        ['no operation', 'result', a],
        ['no operation', 'lease', b],
        ['no operation', 'timer', c],
      ],
    )
  })

  it('finds an operation that is kept under another day than its id has', async () => {
    const id = await accepted({ on: `${day} + 1` })
    assert.deepEqual(await found(), [
      ['nowhere', 'operation', id],
      ['wrong day', 'operation', id],
    ])
  })

  it('finds leases that should have been reaped, and leaves those alone that soon will be', async () => {
    const [expired, hung, gone] = [await accepted(), await accepted(), await accepted()]
    await client.query(`insert into replica values ('${dead}', now() - interval '31 s')`)
    await leased(expired, { replica_id: `'${dead}'` })
    await leased(hung, { deadline_at: `now() - interval '31 s'` })
    const other = randomUUID()
    await leased(gone, { replica_id: `'${other}'`, deadline_at: `now() + interval '29 s'` })
    const all = [
      ['lease not reaped', 'lease', expired, dead],
      ['lease not reaped', 'lease', hung, living],
      ['lease not reaped', 'lease', gone, other],
    ]
    assert.deepEqual(new Set(await found()), new Set(all))
    await client.query(`update replica set expires_at = now() - interval '20 s' where id = '${dead}'`)
    await client.query(`update lease set deadline_at = now() - interval '20 s' where operation_id = '${hung}'`)
    await client.query(`update lease set deadline_at = now() + interval '50 s' where operation_id = '${gone}'`)
    assert.deepEqual(await found(), [])
  })

  it('finds what waits in the queue past its time, or where no claim looks', async () => {
    const [late, hidden] = [await accepted(), await accepted()]
    await put('ready', late, { due: 'now()', give_up_at: `now() - interval '31 s'` })
    await put('ready', hidden, { due: `now() - interval '70 s'` })
    assert.deepEqual(await found(), [['queued too long', 'ready', late]])
    await client.query(`update lane set floor_due[2] = now() - interval '3 s', swept_at = now() - interval '15 s'`)
    assert.deepEqual(await found(), [['queued too long', 'ready', late]])
    await client.query('update lane set swept_at = now()')
    assert.deepEqual((await found())[1], ['hidden from claim', 'ready', hidden])
  })

  it('finds timers that nobody promotes', async () => {
    const id = await accepted()
    await put('timer', id, { due: `now() - interval '31 s'` })
    assert.deepEqual(await found(), [['timer overdue', 'timer', id]])
  })

  it("finds an unfinished operation whose key is free or another one's, and keys that are not purged", async () => {
    const id = await accepted({ key: `'k'` })
    await leased(id)
    assert.deepEqual(await found(), [['key not held', 'idempotency', id]])
    await client.query(
      `insert into idempotency values ('${projectId}', 'a.v1.A/M', 'k', '', '${v7()}', ${day}, now() - interval '25 h')`,
    )
    assert.deepEqual(await found(), [
      ['key not held', 'idempotency', id],
      ['keys not purged', 'idempotency', null],
    ])
    await client.query(`update idempotency set operation_id = '${id}', expires_at = now() - interval '23 h'`)
    assert.deepEqual(await found(), [])
    await client.query('delete from lease')
    await client.query('delete from idempotency')
    await ended(id)
    assert.deepEqual(await found(), [])
  })

  it('finds streams whose items have gaps', async () => {
    const [whole, headless, torn] = [await accepted(), await accepted(), await accepted()]
    for (const id of [whole, headless, torn]) await ended(id)
    const numbered = (id: string, ...ordinals: number[]) =>
      client.query(
        `insert into item select '${projectId}', '${id}', ${day}, n, 1, '' from unnest(array[${ordinals}]) as n`,
      )
    await numbered(whole, 1, 2, 3)
    await numbered(headless, 2, 3)
    await numbered(torn, 1, 3)
    assert.deepEqual(new Set(await found()), new Set([headless, torn].map((id) => ['items missing', 'item', id])))
  })

  it('finds a project without a lane', async () => {
    await client.query('delete from lane')
    const { findings } = await examine(client)
    assert.deepEqual(
      findings.map(({ fault, projectId: of }) => [fault, of]),
      [['no lane', projectId]],
    )
  })

  it('finds partitions that are missing, and those that retention left half dropped', async () => {
    const { rows } = await client.query<{ name: string }>(`select to_char(${day} + 1, 'YYYYMMDD') as name`)
    const name = `result_${rows[0]?.name}`
    await client.query(`alter table result detach partition ${name}`)
    assert.deepEqual(await found(), [
      ['no partition', 'result', null],
      ['partition not dropped', name, null],
    ])
    await client.query(`drop table ${name}`)
    assert.deepEqual(await found(), [['no partition', 'result', null]])
    await client.query(`select make_day_partitions(${day}, ${day} + 1)`)
    assert.deepEqual(await found(), [])
  })

  it('says that no replica lives, where work waits, instead of what follows from that', async () => {
    await client.query(`update replica set expires_at = now() - interval '1 hour'`)
    assert.deepEqual(await found(), [])
    await leased(await accepted(), { deadline_at: `now() - interval '1 hour'` })
    await put('timer', await accepted(), { due: `now() - interval '1 hour'` })
    await put('ready', await accepted(), { due: 'now()', give_up_at: `now() - interval '1 hour'` })
    assert.deepEqual((await found()).toSorted(), [
      ['no replica lives', 'lease', null],
      ['no replica lives', 'ready', null],
      ['no replica lives', 'timer', null],
    ])
  })
})
