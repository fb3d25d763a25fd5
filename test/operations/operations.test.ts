import assert from 'node:assert/strict'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { Status } from '../../gen/google/rpc/status.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { ModelError } from '../../src/models/provider.ts'
import { count, deedDatabase, echoCall, misplaced, replica } from '../support/operations.ts'
import { answerAfter, gate, scripted } from '../support/scripted.ts'

const answer = (text: string) => JSON.stringify({ text })

describe('operations', () => {
  it('commits a call, has the model answer it, and stores result and ledger', async () => {
    await using store = await deedDatabase()
    const model = scripted(() => answer('hello'))
    await using one = await replica(store.db, model.providers)
    const reply = await one.operations.call(echoCall(store.projectId, one.method, 'hello'))
    assert.equal(reply.code, 0)
    assert.equal(reply.model, 'test/one')
    assert.equal(reply.replayed, false)
    assert.deepEqual(fromBinary(one.method.output, reply.response), create(one.method.output, { text: 'hello' }))
    assert.equal(await count(store.db, 'result'), 1)
    assert.equal(await count(store.db, 'completion'), 1)
    assert.deepEqual(await misplaced(store.db), [])
  })

  it('has committed the call before the model sees it', async () => {
    await using store = await deedDatabase()
    const model = scripted(async () => answer(String(await count(store.db, 'lease'))))
    await using one = await replica(store.db, model.providers)
    const reply = await one.operations.call(echoCall(store.projectId, one.method, 'hello'))
    assert.deepEqual(fromBinary(one.method.output, reply.response), create(one.method.output, { text: '1' }))
  })

  it('gives one operation and one completion to many calls of one key, joined and replayed', async () => {
    await using store = await deedDatabase()
    const model = scripted((_, signal) => answerAfter(50, answer('once'), signal))
    await using one = await replica(store.db, model.providers)
    const calls = Array.from({ length: 40 }, () =>
      one.operations.call(echoCall(store.projectId, one.method, 'x', { key: 'k' })),
    )
    const replies = await Promise.all(calls)
    replies.push(await one.operations.call(echoCall(store.projectId, one.method, 'x', { key: 'k' })))
    assert.equal(new Set(replies.map((reply) => reply.operationId)).size, 1)
    assert.equal(replies.filter((reply) => !reply.replayed).length, 1)
    assert.equal(model.calls(), 1)
    assert.deepEqual(await misplaced(store.db), [])
  })

  it('refuses a key with another request, and does not mind the order of map entries', async () => {
    await using store = await deedDatabase()
    await using one = await replica(store.db, scripted(() => answer('x')).providers)
    const counted = (counts: Record<string, number>) => {
      const message = create(one.method.input, { text: 'x', counts })
      return echoCall(store.projectId, one.method, '', {
        key: 'k',
        message,
        request: toBinary(one.method.input, message),
      })
    }
    await one.operations.call(counted({ a: 1, b: 2 }))
    assert.equal((await one.operations.call(counted({ b: 2, a: 1 }))).replayed, true)
    await assert.rejects(one.operations.call(counted({ a: 1, b: 3 })), (error) => {
      assert(error instanceof DeedError)
      assert.equal(error.code, status.FAILED_PRECONDITION)
      assert.equal(error.reason, 'IDEMPOTENCY_KEY_REUSED')
      return true
    })
  })

  it('ends an operation without a key with its caller, and stops the model', async () => {
    await using store = await deedDatabase()
    const started = gate()
    const stopped = gate()
    const model = scripted(async (_, signal) => {
      signal.addEventListener('abort', () => stopped.resolve())
      started.resolve()
      return answerAfter(20_000, '', signal)
    })
    await using one = await replica(store.db, model.providers)
    const caller = new AbortController()
    const call = one.operations.call(echoCall(store.projectId, one.method, 'x', { signal: caller.signal }))
    await started.promise
    caller.abort(new Error('gone'))
    await assert.rejects(call, /gone/)
    await stopped.promise
    await one[Symbol.asyncDispose]()
    const { rows } = await store.db.pool.query<{ code: number }>('select code from result')
    assert.deepEqual(rows, [{ code: status.CANCELLED }])
  })

  it('goes on with an operation that has a key when its caller leaves', async () => {
    await using store = await deedDatabase()
    const started = gate()
    const finish = gate<string>()
    const model = scripted(() => {
      started.resolve()
      return finish.promise
    })
    await using one = await replica(store.db, model.providers)
    const caller = new AbortController()
    const call = one.operations.call(echoCall(store.projectId, one.method, 'x', { key: 'k', signal: caller.signal }))
    await started.promise
    caller.abort(new Error('gone'))
    await assert.rejects(call, /gone/)
    const again = one.operations.call(echoCall(store.projectId, one.method, 'x', { key: 'k' }))
    finish.resolve(answer('late'))
    const reply = await again
    assert.equal(reply.replayed, true)
    assert.equal(reply.code, 0)
    assert.equal(model.calls(), 1)
  })

  for (const key of [undefined, 'k']) {
    it(`tries again when a model is unavailable (${key ? 'through the timer' : 'under the same lease'})`, async () => {
      await using store = await deedDatabase()
      let failures = 2
      const model = scripted(() => {
        if (failures-- > 0) throw new ModelError('unavailable', 'overloaded')
        return answer('third')
      })
      await using one = await replica(store.db, model.providers)
      const reply = await one.operations.call(echoCall(store.projectId, one.method, 'x', { key }))
      assert.equal(reply.code, 0)
      assert.equal(await count(store.db, 'completion'), 3)
      assert.deepEqual(await misplaced(store.db), [])
    })
  }

  it('ends as MODELS_EXHAUSTED after max_failures, and replays that', async () => {
    await using store = await deedDatabase()
    const model = scripted(() => {
      throw new ModelError('unavailable', 'overloaded')
    })
    await using one = await replica(store.db, model.providers)
    const reply = await one.operations.call(echoCall(store.projectId, one.method, 'x', { key: 'k' }))
    assert.equal(reply.code, status.ABORTED)
    assert.match(Status.decode(reply.response).message, /every model failed/)
    const again = await one.operations.call(echoCall(store.projectId, one.method, 'x', { key: 'k' }))
    assert.deepEqual(again.response, reply.response)
    assert.equal(model.calls(), 3)
  })

  it('takes up what a lost replica held: with a key it is answered, without one it ends', async () => {
    await using store = await deedDatabase()
    // The first two completions never end; whoever takes the operations up is answered.
    const lost = scripted(() => (lost.calls() > 2 ? answer('second') : gate<string>().promise))
    const first = await replica(store.db, lost.providers)
    const left = new AbortController()
    const held = ['k', undefined].map((key) =>
      first.operations.call(echoCall(store.projectId, first.method, 'x', { key, signal: left.signal })).catch(() => {}),
    )
    while ((await count(store.db, 'lease')) < 2 || lost.calls() < 2)
      await new Promise((resolve) => setImmediate(resolve))
    // As after kill -9 and the end of its time.
    await store.db.pool.query('delete from replica')
    await using second = await replica(store.db, lost.providers)
    const reply = await second.operations.call(echoCall(store.projectId, second.method, 'x', { key: 'k' }))
    assert.equal(reply.code, 0)
    assert.deepEqual(fromBinary(second.method.output, reply.response), create(second.method.output, { text: 'second' }))
    const { rows } = await store.db.pool.query<{ code: number }>('select code from result order by code')
    assert.deepEqual(rows, [{ code: 0 }, { code: status.ABORTED }])
    assert.deepEqual(await misplaced(store.db), [])
    left.abort()
    await Promise.all(held)
    // The zombie's own drain changes nothing.
    await first[Symbol.asyncDispose]()
    assert.equal(await count(store.db, 'result'), 2)
  })

  it('finishes what runs in a drain, and gives back the rest when the grace time is over', async () => {
    await using store = await deedDatabase()
    const finish = gate<string>()
    const one = await replica(store.db, scripted(() => finish.promise).providers)
    const call = one.operations.call(echoCall(store.projectId, one.method, 'x'))
    while ((await count(store.db, 'lease')) < 1) await new Promise((resolve) => setImmediate(resolve))
    const drained = one.operations.drain(10_000)
    finish.resolve(answer('done'))
    assert.equal((await call).code, 0)
    await drained

    const stuck = scripted((_, signal) => answerAfter(20_000, '', signal))
    const two = await replica(store.db, stuck.providers)
    const keyed = two.operations.call(echoCall(store.projectId, two.method, 'x', { key: 'k' }))
    const keyless = two.operations.call(echoCall(store.projectId, two.method, 'x'))
    while (stuck.calls() < 2) await new Promise((resolve) => setImmediate(resolve))
    const refused = [
      assert.rejects(keyed, { reason: 'SHUTTING_DOWN' }),
      assert.rejects(keyless, { reason: 'REPLICA_LOST' }),
    ]
    await two.operations.drain(0)
    await Promise.all(refused)
    assert.equal(await count(store.db, 'ready'), 1)
    assert.equal(await count(store.db, 'lease'), 0)
    assert.deepEqual(await misplaced(store.db), [])
  })
})
