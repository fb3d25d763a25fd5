import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { Replica } from '../../src/operations/replica.ts'
import type { Queryable } from '../../src/storage/statements/statement.ts'
import { silent } from '../support/operations.ts'

const heartbeatMs = 2_000

describe('the life of a replica', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('goes on under a new id, with one heartbeat at a time, when the database has given it up', async () => {
    const asked: { name: string; id: unknown }[] = []
    let givenUp = false
    const replica = new Replica(
      answering(({ name, values }) => {
        asked.push({ name, id: values[0] })
        return name === 'renew' && givenUp ? [] : [{ now: Date.now() }]
      }),
      silent,
    )
    await replica.start()
    const first = replica.identity
    for (let losses = 1; losses <= 3; losses++) {
      const { id, lost } = replica.identity
      givenUp = true
      await pass(heartbeatMs)
      assert.equal(lost.aborted, true)
      assert.equal(replica.alive, false)
      givenUp = false
      await pass(heartbeatMs)
      assert.equal(replica.alive, true)
      assert.notEqual(replica.identity.id, id)
      assert.deepEqual(asked.at(-1), { name: 'remove_replica', id })
    }
    asked.length = 0
    for (let beats = 1; beats <= 3; beats++) await pass(heartbeatMs)
    const renewal = { name: 'renew', id: replica.identity.id }
    assert.deepEqual(asked, [renewal, renewal, renewal])
    assert.notEqual(replica.identity.id, first.id)
    await replica.stop()
    asked.length = 0
    await pass(heartbeatMs)
    assert.deepEqual(asked, [])
  })

  it('can be stopped when the database is gone', async () => {
    const replica = new Replica(
      answering(({ name }) => {
        if (name === 'remove_replica') throw new Error('connect ECONNREFUSED')
        return [{ now: Date.now() }]
      }),
      silent,
    )
    await replica.start()
    await replica.stop()
  })
})

function answering(answer: (statement: { name: string; values: unknown[] }) => object[]): Queryable {
  return {
    async query<R extends object>({ name = '', values = [] }: Parameters<Queryable['query']>[0]) {
      return { rows: answer({ name, values }) as R[] }
    },
  }
}

/** Lets the time pass, and everything that was waiting for it happen. */
async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms)
  await new Promise((resolve) => setImmediate(resolve))
}
