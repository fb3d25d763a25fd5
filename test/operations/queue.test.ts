import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { Status } from '../../gen/google/rpc/status.ts'
import type { Method } from '../../src/contracts/method.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { type CompletionRequest, ModelError } from '../../src/models/provider.ts'
import { dayOf, newId } from '../../src/operations/ids.ts'
import { count, deedDatabase, echoCall, misplaced, replica } from '../support/operations.ts'
import { answerAfter, gate, scripted } from '../support/scripted.ts'
import { within } from '../support/server.ts'

const answer = (text: string) => JSON.stringify({ text })
/** The text that the model was asked to repeat. */
const asked = ({ request }: CompletionRequest) => String(Reflect.get(request, 'text'))

type Store = Awaited<ReturnType<typeof deedDatabase>>
const limit = (store: Store, most: number | null) =>
  store.db.pool.query('update lane set max_running = $1 where project_id = $2', [most, store.projectId])
const withPolicy = (method: Method, policy: Partial<Method['policy']>): Method => ({
  ...method,
  policy: { ...method.policy, ...policy },
})
const is = (code: status, reason: string) => (error: unknown) => {
  assert(error instanceof DeedError)
  assert.deepEqual([error.code, error.reason], [code, reason])
  return true
}
const forever = new AbortController().signal

describe('the queue', () => {
  it('answers a submission when it is committed, and starts at once what has nothing before it', async () => {
    await using store = await deedDatabase()
    const finish = gate<string>()
    await using one = await replica(store.db, scripted(() => finish.promise).providers)
    const submitted = await one.operations.submit(echoCall(store.projectId, one.method, 'x', { key: 'k' }))
    assert.deepEqual([submitted.replayed, submitted.state], [false, 'RUNNING'])
    const again = await one.operations.submit(echoCall(store.projectId, one.method, 'x', { key: 'k' }))
    assert.deepEqual([again.operationId, again.replayed], [submitted.operationId, true])
    finish.resolve(answer('done'))
    const result = await one.operations.wait({ projectId: store.projectId, ...submitted }, forever)
    assert.equal(result.code, 0)
    assert.deepEqual(await misplaced(store.db), [])
  })

  it('keeps a limit on what runs at once, over all replicas, and takes higher priorities first', async () => {
    await using store = await deedDatabase()
    await limit(store, 1)
    const order: string[] = []
    let running = 0
    let most = 0
    const first = gate()
    const model = scripted(async (request, signal) => {
      most = Math.max(most, ++running)
      order.push(asked(request))
      if (order.length === 1) await first.promise
      const text = await answerAfter(5, answer('x'), signal)
      running--
      return text
    })
    await using one = await replica(store.db, model.providers)
    await using two = await replica(store.db, model.providers)
    const submit = (on: typeof one, text: string, priority: 1 | 2 | 3) =>
      on.operations.submit(echoCall(store.projectId, withPolicy(on.method, { priority }), text))
    const submitted = [await submit(one, 'first', 2)]
    await within(5_000, async () => assert.equal(order.length, 1))
    for (const on of [one, two]) {
      submitted.push(await submit(on, 'bulk', 3), await submit(on, 'normal', 2), await submit(on, 'interactive', 1))
    }
    assert(submitted.every(({ state }) => state === 'READY'))
    first.resolve()
    await Promise.all(submitted.map((s) => one.operations.wait({ projectId: store.projectId, ...s }, forever)))
    const tail = ['interactive', 'interactive', 'normal', 'normal', 'bulk', 'bulk']
    assert.deepEqual(order, ['first', ...tail])
    assert.equal(most, 1)
  }).timeout(30_000)

  it('has a call without a key wait in a project with a limit, and ends it with its caller or its replica', async () => {
    await using store = await deedDatabase()
    await limit(store, 1)
    const finish = gate<string>()
    const model = scripted(() => finish.promise)
    await using one = await replica(store.db, model.providers)
    const running = one.operations.call(echoCall(store.projectId, one.method, 'running'))
    await within(5_000, async () => assert.equal(model.calls(), 1))
    const caller = new AbortController()
    const left = one.operations.call(echoCall(store.projectId, one.method, 'left', { signal: caller.signal }))
    const waiting = one.operations.call(echoCall(store.projectId, one.method, 'waiting'))
    await within(5_000, async () => assert.equal(await count(store.db, 'ready'), 2))
    caller.abort(new Error('gone'))
    await assert.rejects(left, /gone/)
    await within(5_000, async () => assert.equal(await count(store.db, 'result where code = 1'), 1))
    // Of another replica, which dies.
    await store.db.pool.query(`insert into replica (id, expires_at) values ($1, now())`, [randomUUID()])
    const { rows } = await store.db.pool.query<{ id: string }>(
      `update ready set origin = (select id from replica where expires_at <= now()) returning operation_id as id`,
    )
    assert.equal(rows.length, 1)
    const lost = await waiting
    assert.equal(lost.code, status.ABORTED)
    finish.resolve(answer('x'))
    assert.equal((await running).code, 0)
    assert.deepEqual(await misplaced(store.db), [])
  }).timeout(20_000)

  it('ends what waits for longer than its queue_timeout', async () => {
    await using store = await deedDatabase()
    await limit(store, 1)
    const finish = gate<string>()
    await using one = await replica(store.db, scripted(() => finish.promise).providers)
    await one.operations.submit(echoCall(store.projectId, one.method, 'running'))
    await within(5_000, async () => assert.equal(await count(store.db, 'lease'), 1))
    const impatient = withPolicy(one.method, { queueTimeoutMs: 100 })
    const submitted = await one.operations.submit(echoCall(store.projectId, impatient, 'x'))
    const result = await one.operations.wait({ projectId: store.projectId, ...submitted }, forever)
    assert.equal(result.code, status.DEADLINE_EXCEEDED)
    assert.match(Status.decode(result.response).message, /queue_timeout/)
    finish.resolve(answer('x'))
  })

  it('cancels what is queued, what waits for its next attempt, and what runs here or elsewhere', async () => {
    await using store = await deedDatabase()
    let stopped = 0
    const model = scripted((request, signal) => {
      if (asked(request) === 'later') throw new ModelError('unavailable', 'busy', { retryAfterMs: 60_000 })
      signal.addEventListener('abort', () => stopped++)
      return answerAfter(60_000, '', signal)
    })
    await using one = await replica(store.db, model.providers)
    await using two = await replica(store.db, model.providers)
    const submit = (text: string) => one.operations.submit(echoCall(store.projectId, one.method, text))
    const later = await submit('later')
    await within(5_000, async () => assert.equal(await count(store.db, 'timer'), 1))
    const here = await submit('here')
    const elsewhere = await submit('elsewhere')
    await within(5_000, async () => assert.equal(model.calls(), 3))
    await limit(store, 1)
    const queued = await submit('queued')
    assert.equal(await count(store.db, 'ready'), 1)
    for (const [by, submitted] of [
      [one, later],
      [one, queued],
      [one, here],
      [two, elsewhere],
    ] as const) {
      const waits = one.operations.wait({ projectId: store.projectId, ...submitted }, forever)
      assert.equal(await by.operations.cancel(store.projectId, submitted.operationId), 'cancelled')
      assert.equal((await waits).code, status.CANCELLED)
      assert.equal(await by.operations.cancel(store.projectId, submitted.operationId), 'ended')
    }
    await within(5_000, async () => assert.equal(stopped, 2))
    assert.equal(await one.operations.cancel(store.projectId, newId(Date.now())), 'missing')
    assert.equal(await one.operations.cancel(randomUUID(), here.operationId), 'missing')
    assert.deepEqual(await misplaced(store.db), [])
  }).timeout(30_000)

  it('deletes what has ended; whoever waits for it, or sends its key, is told that it is gone', async () => {
    await using store = await deedDatabase()
    const finish = gate<string>()
    await using one = await replica(store.db, scripted(() => finish.promise).providers)
    const call = echoCall(store.projectId, one.method, 'x', { key: 'k' })
    const { operationId } = await one.operations.submit(call)
    assert.equal(await one.operations.delete(store.projectId, operationId), 'unfinished')
    finish.resolve(answer('x'))
    const ref = { projectId: store.projectId, operationId, day: dayOf(operationId) }
    await one.operations.wait(ref, forever)
    assert.equal(await one.operations.delete(randomUUID(), operationId), 'missing')
    assert.equal(await one.operations.delete(store.projectId, operationId), 'deleted')
    assert.equal(await one.operations.delete(store.projectId, operationId), 'missing')
    const gone = is(status.NOT_FOUND, 'OPERATION_NOT_FOUND')
    await assert.rejects(one.operations.wait(ref, forever), gone)
    await assert.rejects(one.operations.call(call), gone)
    assert.equal(await count(store.db, 'completion'), 1)
    assert.deepEqual(await misplaced(store.db), [])
  })

  it('is found by a replica that hears of nothing', async () => {
    await using store = await deedDatabase()
    await using one = await replica(store.db, scripted(() => answer('x')).providers)
    const { operationId, day } = await one.operations.submit(echoCall(store.projectId, one.method, 'x'))
    const ref = { projectId: store.projectId, operationId, day }
    await one.operations.wait(ref, forever)
    // As a replica that died after its COMMIT leaves it.
    await store.db.pool.query(`with gone as (delete from result returning *)
      insert into ready (project_id, operation_id, day, priority, due, attempt, max_failures, detached, attempt_timeout, expires_at)
      select project_id, id, day, 2, now(), 1, 3, true, '1 min', now() + interval '1 min' from gone`)
    assert.equal((await one.operations.wait(ref, forever)).code, 0)
  })
})
