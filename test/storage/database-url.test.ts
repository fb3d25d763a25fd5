import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { openDatabase } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { testDatabase } from '../support/postgres.ts'

/** What a client says first that wants TLS, in the protocol of PostgreSQL. */
const sslRequest = 80_877_103

/** A server that notes what each connection says first, and refuses TLS. */
async function listen() {
  const wanted: boolean[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (bytes) => {
      wanted.push(Buffer.from(bytes).readInt32BE(4) === sslRequest)
      socket.end('N')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address !== 'string')
  const url = `postgresql://someone:secret@127.0.0.1:${address.port}/deed`
  return { wanted, url, [Symbol.dispose]: () => server.close() }
}

async function connect(url: string): Promise<void> {
  await using database = await openDatabase(url, { connections: 1 })
  await database.pool.query('select 1')
}

describe('DATABASE_URL', () => {
  for (const [parameters, tls] of [
    ['?sslmode=verify-full', true],
    ['', false],
  ] as const) {
    it(`${tls ? 'asks' : 'does not ask'} for TLS with ${parameters || 'no parameter'}, on every connection`, async () => {
      for (const attempt of [connect, migrate]) {
        using server = await listen()
        await assert.rejects(attempt(`${server.url}${parameters}`))
        assert.ok(server.wanted.length > 0)
        assert.deepEqual(new Set(server.wanted), new Set([tls]))
      }
    })
  }

  it('leaves every connection its limits, whatever parameters it has', async () => {
    await using test = await testDatabase()
    await using database = await openDatabase(`${test.url}?application_name=other`, { connections: 1 })
    const { rows } = await database.pool.query(`select current_setting('statement_timeout') as limit`)
    assert.deepEqual(rows, [{ limit: '30s' }])
  })
})
