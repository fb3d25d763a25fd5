import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { endProcesses, freePort, startDeed as spawnDeed } from '../support/deed-process.ts'
import { FakeAnthropic, type FakeRequest, type Script } from '../support/fake-anthropic.ts'
import { misplaced } from '../support/operations.ts'
import { dataFolder } from '../support/postgres.ts'
import { connectTo, startDeed } from '../support/server.ts'
import { openStream } from '../support/stream.ts'

const proto = {
  'test/long/v1/long.proto': `
syntax = "proto3";
package test.long.v1;
import "deed/v1/annotations.proto";
service LongService {
  rpc List(ListRequest) returns (stream ListResponse) {
    option (deed.v1.method) = {models: ["anthropic/claude-haiku-4-5"]};
  }
}
message ListRequest { string topic = 1; }
message ListResponse { int32 number = 1; string text = 2; }
`,
}

const total = 1_000

/** A model that goes on where it is told that the list stands. */
function respond({ body }: FakeRequest): Script {
  const [, there = '0'] = /The list has (\d+) items already/.exec(body.messages[0]?.content ?? '') ?? []
  const items = Array.from({ length: total - Number(there) }, (_, n) => {
    const number = Number(there) + n + 1
    return { number, text: `the item ${number} of many` }
  })
  return { json: { items } }
}

describe('a stream whose replica is killed', () => {
  afterEach(endProcesses)

  it('is there once and in order, at another replica, for who comes back with its key', async () => {
    await using fake = await new FakeAnthropic({ respond }).start()
    await using folder = await dataFolder()
    const providers = new Map([['anthropic', createAnthropic({ apiKey: 'key', baseUrl: fake.url })]])
    await using other = await startDeed(providers)
    const contract = await other.publish(proto)
    await using killed = await spawnDeed({
      DEED_DATA_DIR: folder.path,
      DEED_PORT: String(await freePort()),
      DATABASE_URL: other.url,
      ANTHROPIC_API_KEY: 'key',
      ANTHROPIC_BASE_URL: fake.url,
    })
    using connection = connectTo(killed.address, contract.key)

    const how = { key: contract.key, metadata: { 'idempotency-key': 'thousand' }, deadlineMs: 60_000 }
    const open = (client: typeof other.client) => {
      const call = openStream(client, contract.path('List'), how)
      call.send(contract.encode('List', { topic: 'many' }))
      call.end()
      return call
    }
    const numberOf = (item: Buffer | undefined) => {
      const json = item && contract.decode('List', item)
      return json instanceof Object && 'number' in json ? json['number'] : undefined
    }

    const at = 1 + Math.floor(Math.random() * (total - 1))
    const first = open(connection.client)
    for (let n = 1; n <= at; n++) assert.equal(numberOf(await first.next()), n)
    await killed.kill()
    const after = (await first.rest()).map(numberOf)
    const reached = at + after.length
    assert.deepEqual(
      after,
      Array.from(after, (_, n) => at + n + 1),
    )
    assert.equal((await first.ended).error?.code, status.UNAVAILABLE)
    // What ten seconds without a heartbeat come to.
    await other.db.pool.query('delete from replica where id in (select replica_id from lease)')

    const again = open(other.client)
    const items = (await again.rest()).map(numberOf)
    const { error, trailers } = await again.ended
    assert.equal(error, undefined, `killed at item ${at}: ${error?.details}`)
    assert.deepEqual(
      items,
      Array.from({ length: total }, (_, n) => n + 1),
    )
    assert.equal(trailers['deed-replayed'], 'true')

    const { rows } = await other.db.pool.query<{ attempt: number; last: number }>(
      'select attempt, max(ordinal)::int as last from item group by attempt order by attempt',
    )
    // Each attempt went on where the one before it stood, and what was sent had been stored.
    assert.equal(rows.at(-1)?.last, total)
    assert.ok((rows[0]?.last ?? 0) >= Math.min(reached, total), `killed at item ${at}`)
    assert.deepEqual(await misplaced(other.db), [])
  }).timeout(60_000)
})
