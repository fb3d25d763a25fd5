import assert from 'node:assert/strict'
import { npmStart } from '../../bench/npm-start.ts'
import { connect } from '../../src/cli/connect.ts'
import { dataFolder, testDatabase } from '../support/postgres.ts'

const limit = () => AbortSignal.timeout(28_000)

describe('npm start, as it is measured', () => {
  it('serves, and leaves nothing running', async () => {
    await using database = await testDatabase()
    await using folder = await dataFolder()
    const settings = { DEED_PORT: '0', DEED_DATA_DIR: folder.path, DEED_MODEL: 'local/keywords' }
    const deed = await npmStart({ ...settings, DATABASE_URL: database.url }, limit())
    const same = (bytes: Buffer) => bytes
    const check = { path: '/grpc.health.v1.Health/Check', requestSerialize: same, responseDeserialize: same }
    const health = async () => {
      using connection = connect({ address: deed.address, key: undefined, keyFile: '' }, limit())
      return (await connection.call(check, Buffer.alloc(0), { withoutKey: true })).response
    }
    assert.deepEqual([...(await health())], [8, 1])
    await deed[Symbol.asyncDispose]()
    await assert.rejects(health(), /cannot reach a Deed server/)
  })

  it('says what the server says when it does not start', async () => {
    await assert.rejects(npmStart({ DEED_PORT: 'abc' }, limit()), /npm start ended: .*DEED_PORT/s)
  })

  it('ends when it is stopped', async () => {
    const stop = new AbortController()
    await using folder = await dataFolder()
    const started = npmStart({ DEED_PORT: '0', DEED_DATA_DIR: folder.path }, stop.signal)
    stop.abort(new Error('enough'))
    await assert.rejects(started, /enough/)
  })
})
