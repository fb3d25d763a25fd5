import assert from 'node:assert/strict'
import { Client } from 'pg'
import { openDatabase } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { testDatabase } from '../support/postgres.ts'

/** Functions of the release before this one, which installs its own whenever one of its replicas is started. */
const before = {
  make_partitions: 'first date, last date',
  delete_operation: 'p uuid, i uuid, d date',
  found_results: 'p uuid[], i uuid[], d date[]',
}

describe('migrate', () => {
  it('brings an empty database to the schema, once, however many replicas start at once', async () => {
    await using database = await testDatabase()
    const ran = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)])
    assert.deepEqual(ran.flat(), ['0001-spine', '0002-queue', '0003-items', '0004-usage', '0005-model-limits'])
    assert.deepEqual(await migrate(database.url), [])
  })

  it('makes entities and tables agree', async () => {
    await using database = await testDatabase()
    await migrate(database.url)
    await using db = await openDatabase(database.url, { connections: 2 })
    for (const meta of db.orm.getMetadata().getAll().values()) {
      const columns = meta.props.map((prop) => prop.fieldNames[0])
      const { rows } = await db.pool.query<{ name: string }>(
        'select column_name as name from information_schema.columns where table_name = $1',
        [meta.tableName],
      )
      assert.deepEqual(columns.toSorted(), rows.map((row) => row.name).toSorted(), `the entity of ${meta.tableName}`)
    }
  })

  it('installs no function under a name by which an older release would put one in its place that does less', async () => {
    await using database = await testDatabase()
    await migrate(database.url)
    await using db = await openDatabase(database.url, { connections: 1 })
    const { rows } = await db.pool.query<{ name: string }>(
      'select proname as name from pg_proc where proname = any ($1)',
      [Object.keys(before)],
    )
    assert.deepEqual(rows, [])
  })

  it('leaves nothing of a migration that fails, and says why', async () => {
    await using database = await testDatabase()
    const client = new Client({ connectionString: database.url })
    await client.connect()
    try {
      await client.query('create table lane (in_the_way int)')
      await assert.rejects(migrate(database.url), /lane/)
      const { rows } = await client.query("select 1 from pg_tables where tablename in ('project', 'operation')")
      assert.deepEqual(rows, [])
      await client.query('drop table lane')
      assert.deepEqual(await migrate(database.url), [
        '0001-spine',
        '0002-queue',
        '0003-items',
        '0004-usage',
        '0005-model-limits',
      ])
    } finally {
      await client.end()
    }
  })
})
