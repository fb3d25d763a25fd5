import assert from 'node:assert/strict'
import { Commits, type Offer, type Settlement } from '../../src/operations/commits.ts'
import { dayOf, newId } from '../../src/operations/ids.ts'
import { Replica } from '../../src/operations/replica.ts'
import type { Queryable } from '../../src/storage/statements/statement.ts'
import { count, deedDatabase, misplaced, silent } from '../support/operations.ts'

describe('commits', () => {
  it('accept and settle in one statement, each call with its own outcome', async () => {
    await using store = await deedDatabase()
    const { commits, replica, names } = await started(store.db.pool)
    const offers = Array.from({ length: 3 }, () => offer(store.projectId))
    for (const each of await Promise.all(offers.map((one) => commits.accept(one)))) assert(each.same)
    const late = { ...settlement(offers[2], replica), attempt: 7 }
    const more = offer(store.projectId)
    const outcomes = await Promise.all([
      commits.settle(settlement(offers[0], replica)),
      commits.accept(more),
      commits.settle(settlement(offers[1], replica)),
      commits.settle(late),
    ])
    assert.deepEqual([outcomes[0], outcomes[2], outcomes[3]], [true, true, false])
    assert.equal(outcomes[1].operationId, more.id)
    assert.deepEqual(names, ['accept', 'commit'])
    assert.deepEqual([await count(store.db, 'lease'), await count(store.db, 'result')], [2, 2])
    assert.deepEqual(await misplaced(store.db), [])
    await replica.stop()
  })

  it('fail what the database refuses alone', async () => {
    await using store = await deedDatabase()
    const { commits, replica } = await started(store.db.pool)
    const good = offer(store.projectId)
    await commits.accept(good)
    const [settled, bad, other] = await Promise.allSettled([
      commits.settle(settlement(good, replica)),
      commits.accept({ ...offer(store.projectId), method: 'a\0b' }),
      commits.accept(offer(store.projectId)),
    ])
    assert.deepEqual(settled, { status: 'fulfilled', value: true })
    assert.equal(bad.status, 'rejected')
    assert.equal(other.status, 'fulfilled')
    assert.deepEqual(await misplaced(store.db), [])
    await replica.stop()
  })

  it('go on settling for an earlier life of the process, and accept nothing without one', async () => {
    await using store = await deedDatabase()
    const { commits, replica } = await started(store.db.pool)
    const before = offer(store.projectId)
    await commits.accept(before)
    const ended = settlement(before, replica)
    const lifeless = new Commits(store.db.pool, new Replica(store.db.pool, silent))
    const [settled, refused] = await Promise.allSettled([
      lifeless.settle(ended),
      lifeless.accept(offer(store.projectId)),
    ])
    assert.deepEqual(settled, { status: 'fulfilled', value: true })
    assert.equal(refused.status === 'rejected' && refused.reason.reason, 'STORAGE_UNAVAILABLE')
    assert.equal(await count(store.db, 'operation'), 1)
    await replica.stop()
  })
})

/** A replica that is alive, and the names of the statements that its commits run. */
async function started(db: Queryable) {
  const replica = new Replica(db, silent)
  await replica.start()
  const names: (string | undefined)[] = []
  const watched: Queryable = {
    query: (config) => {
      names.push(config.name)
      return db.query(config)
    },
  }
  return { replica, commits: new Commits(watched, replica), names }
}

function offer(projectId: string): Offer {
  const id = newId(Date.now())
  const call = { contract: 'test.v1.EchoService', version: 1, method: 'Echo', request: Buffer.from('asked') }
  const limits = { priority: 2, maxFailures: 3, attemptTimeoutMs: 60_000, timeoutMs: 60_000, queueTimeoutMs: undefined }
  const keyless = {
    detached: false,
    here: true,
    retryOf: undefined,
    apiKeyId: undefined,
    key: undefined,
    fingerprint: undefined,
    traceparent: undefined,
    identity: undefined,
  }
  return { projectId, id, day: dayOf(id), ...call, ...limits, ...keyless }
}

function settlement(of: Offer | undefined, { identity }: Replica): Settlement {
  assert(of)
  const answer = { code: 0, response: Buffer.from('answered'), model: 'test/one', cachedFrom: undefined, ledger: [] }
  return { projectId: of.projectId, operationId: of.id, attempt: 1, ...answer, identity }
}
