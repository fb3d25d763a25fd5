import assert from 'node:assert/strict'
import { fromBinary } from '@bufbuild/protobuf'
import type { Providers } from '../../src/models/provider.ts'
import { Models } from '../../src/models/routing/models.ts'
import { Operations } from '../../src/operations/operations.ts'
import { Listener } from '../../src/storage/listener.ts'
import type { Queryable } from '../../src/storage/statements/statement.ts'
import { methodOf } from '../support/methods.ts'
import { count, deedDatabase, echoCall, echoSource, misplaced, replica, silent } from '../support/operations.ts'
import { answerAfter, scripted } from '../support/scripted.ts'

const answer = (text: string) => JSON.stringify({ text })
/** Far below the time that a lease lasts. */
const soonMs = 5_000

describe('operations whose database loses replies', () => {
  it('do not leave what a claim has taken to its lease', async () => {
    await using store = await deedDatabase()
    const method = await leaveOneReady(store)
    let lost = 0
    const db = losing(store.db.pool, ({ name, rows }) => name === 'claim' && rows > 0 && lost++ === 0)
    await using other = await start(store.url, db, method, scripted(() => answer('after all')).providers)
    const call = echoCall(store.projectId, method, 'x', { key: 'k', signal: AbortSignal.timeout(soonMs) })
    assert.equal((await other.operations.call(call)).code, 0)
    assert.equal(lost, 2)
    assert.deepEqual(await misplaced(store.db), [])
  })

  it('ask the model once for what was accepted without a reply, however long it takes', async () => {
    await using store = await deedDatabase()
    let isLosing = true
    const db = losing(store.db.pool, ({ name }) => name === 'accept' && isLosing)
    // Longer than the time between heartbeats, each of which looks after what is in doubt.
    const model = scripted((_, signal) => answerAfter(3_000, answer('once'), signal))
    const method = await methodOf(echoSource)
    await using one = await start(store.url, db, method, model.providers)
    await assert.rejects(one.operations.call(echoCall(store.projectId, method, 'x', { key: 'k' })), {
      reason: 'STORAGE_UNAVAILABLE',
    })
    isLosing = false
    const again = echoCall(store.projectId, method, 'x', { key: 'k', signal: AbortSignal.timeout(20_000) })
    assert.equal((await one.operations.call(again)).code, 0)
    assert.equal(model.calls(), 1)
    assert.deepEqual(await misplaced(store.db), [])
  })

  it('tell those who wait for what another replica works on', async () => {
    await using store = await deedDatabase()
    const model = scripted((_, signal) => answerAfter(soonMs, answer('late'), signal))
    await using one = await replica(store.db, model.providers)
    const left = new AbortController()
    const first = echoCall(store.projectId, one.method, 'x', { key: 'k', signal: left.signal })
    const gone = assert.rejects(one.operations.call(first))
    while ((await count(store.db, 'lease')) < 1) await new Promise((resolve) => setImmediate(resolve))

    const db = losing(store.db.pool, ({ name }) => name === 'results')
    await using other = await start(store.url, db, one.method, model.providers)
    const joined = echoCall(store.projectId, one.method, 'x', { key: 'k', signal: AbortSignal.timeout(soonMs) })
    await assert.rejects(other.operations.call(joined), { reason: 'STORAGE_UNAVAILABLE' })
    left.abort()
    await gone
  })

  it('look again for the items that a model goes on with', async () => {
    await using store = await deedDatabase()
    let lost = 0
    const db = losing(store.db.pool, ({ name }) => name === 'last_items' && lost++ === 0)
    const method = await methodOf(echoSource.replace('returns (', 'returns (stream '))
    const model = scripted(({ itemsBefore }) =>
      itemsBefore === 0 ? `{"items": [${answer('one')}, {}]}` : `{"items": [${answer('two')}]}`,
    )
    await using one = await start(store.url, db, method, model.providers)
    const stream = async () => {
      const items: Uint8Array[] = []
      const call = echoCall(store.projectId, method, 'x', { key: 'k', signal: AbortSignal.timeout(soonMs) })
      const { code } = await one.operations.stream(call, {
        begin: () => {},
        send: async (item) => void items.push(item),
      })
      return { code, items: items.length }
    }
    await assert.rejects(stream(), { reason: 'STORAGE_UNAVAILABLE' })
    assert.deepEqual(await stream(), { code: 0, items: 2 })
    assert.equal(model.calls(), 2)
  })
})

/** The database, of which some statements are run and their replies lost. */
function losing(db: Queryable, isLost: (statement: { name: string; rows: number }) => boolean): Queryable {
  return {
    async query<R extends object>(config: Parameters<Queryable['query']>[0]) {
      const result = await db.query<R>(config)
      if (isLost({ name: config.name ?? '', rows: result.rows.length })) throw new Error('read ECONNRESET')
      return result
    },
  }
}

/** An operation under the key `k` that a drained replica has given back. Returns its method. */
async function leaveOneReady(store: Awaited<ReturnType<typeof deedDatabase>>) {
  const stuck = scripted((_, signal) => answerAfter(60_000, '', signal))
  await using one = await replica(store.db, stuck.providers)
  const refused = assert.rejects(one.operations.call(echoCall(store.projectId, one.method, 'x', { key: 'k' })))
  while (stuck.calls() < 1) await new Promise((resolve) => setImmediate(resolve))
  await one.operations.drain(0)
  await refused
  assert.equal(await count(store.db, 'ready'), 1)
  return one.method
}

async function start(
  url: string,
  db: Queryable,
  method: Awaited<ReturnType<typeof leaveOneReady>>,
  providers: Providers,
) {
  const operations = new Operations({
    db,
    log: silent,
    listener: new Listener(url, db, silent),
    answers: { models: new Models({ providers }), defaultModel: 'test/one' },
    methodOf: async () => method,
    read: (of, bytes) => fromBinary(of.input, bytes),
    retentionDays: 30,
  })
  await operations.start()
  return { operations, [Symbol.asyncDispose]: () => operations.drain(0) }
}
