import assert from 'node:assert/strict'
import { v7 } from 'uuid'
import { openDatabase } from '../../src/storage/database.ts'
import { openCluster } from '../../src/storage/embedded/cluster.ts'
import { findPostmaster } from '../../src/storage/embedded/postmaster.ts'
import { dataFolder, migratedDatabase, testDatabase } from '../support/postgres.ts'
import { runDeed } from '../support/run-deed.ts'

describe('deed doctor', () => {
  it('says in a line what it looked at, or in a table what is wrong, and fails then', async () => {
    await using database = await migratedDatabase()
    const env = { DATABASE_URL: database.url }
    assert.deepEqual(await runDeed(['doctor'], env), {
      code: 0,
      stdout: 'nothing is wrong: 0 operations (0 unfinished), projects: 0, replicas that live: 0\n',
      stderr: '',
    })
    await using db = await openDatabase(database.url, { connections: 1 })
    const id = v7()
    await db.pool.query(
      `insert into operation (project_id, id, day, contract, version, method, request)
      values (gen_random_uuid(), $1, (now() at time zone 'UTC')::date, 'a.v1.A', 1, 'M', '')`,
      [id],
    )
    const told = await runDeed(['doctor'], env)
    assert.equal(told.code, 1)
    assert.match(told.stdout, new RegExp(`^FAULT .*\\nnowhere  operation  operations/${id}  .*in none of.*\\n$`))
    assert.match(told.stderr, /^error: findings: 1, in 1 operations .*docs\/running\.md says what each means\n$/)
    const { code, stdout } = await runDeed(['doctor', '--json'], env)
    const { fault, table, operation } = JSON.parse(stdout)
    assert.deepEqual([code, fault, table, operation], [1, 'nowhere', 'operation', `operations/${id}`])
  })

  it('starts the PostgreSQL of the data folder when it does not run, and stops it then', async () => {
    await using folder = await dataFolder()
    const env = { DEED_DATA_DIR: folder.path }
    const missing = await runDeed(['doctor'], env)
    assert.deepEqual([missing.code, missing.stdout], [1, ''])
    assert.match(missing.stderr, /^error: there is no database in .*\n$/)
    assert.equal((await runDeed(['migrate'], env)).code, 0)
    assert.deepEqual(await runDeed(['doctor', '--json'], env), {
      code: 0,
      stdout: '',
      stderr: '{"examined":{"operations":0,"unfinished":0,"projects":0,"replicas":0}}\n',
    })
    const cluster = await openCluster({ dataDir: folder.path, signal: AbortSignal.timeout(5_000), log: () => {} })
    assert.equal(await findPostmaster(cluster), undefined)
  })

  it('sends those who have no schema yet to deed migrate', async () => {
    await using database = await testDatabase()
    const { code, stderr } = await runDeed(['doctor'], { DATABASE_URL: database.url })
    assert.equal(code, 1)
    assert.match(stderr, /^error: the database does not have this release's schema — run "npx deed migrate"\n$/)
  })
})
