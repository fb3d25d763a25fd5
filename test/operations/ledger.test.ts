import assert from 'node:assert/strict'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import type { Provider } from '../../src/models/provider.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { Models } from '../../src/models/routing/models.ts'
import { Commits } from '../../src/operations/commits.ts'
import { dayOf, newId } from '../../src/operations/ids.ts'
import { Ledger } from '../../src/operations/ledger.ts'
import { Replica } from '../../src/operations/replica.ts'
import { Runner } from '../../src/operations/runner.ts'
import type { Queryable } from '../../src/storage/statements/statement.ts'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { eventually } from '../support/ground.ts'
import { methodOf } from '../support/methods.ts'
import { deedDatabase, echoCall, replica, silent } from '../support/operations.ts'
import { gate } from '../support/scripted.ts'

const source = (options: string) => `
syntax = "proto3";
package test.v1;
import "deed/v1/annotations.proto";
service EchoService { rpc Echo(EchoRequest) returns (EchoResponse) {
  option (deed.v1.method) = {models: ["anthropic/claude-sonnet-4-5"], max_failures: 1, ${options}};
} }
message EchoRequest { string text = 1; }
message EchoResponse { string text = 1; }
`
const patient = source('attempt_timeout: {seconds: 60}')
/** Half of it is what the vendor has written by the time that it is stopped: 14 bytes, 3.5 tokens. */
const answer = {
  text: '{"text": "To be or not to "}',
  usage: { input_tokens: 70, cache_read_input_tokens: 30 },
  hang: 'in mid-answer',
} as const

/** The row of a completion that was stopped, in the middle of its answer. */
const cutOff = {
  ...{ attempt: 1, sequence: 1, outcome: 'ABORTED', input: 70, output: 4, read: 30, write: 0, estimated: true },
  // 70 * 3 + 4 * 15 + 30 * 0.3 micro-dollars
  cost: '279',
  request: 'req_1',
}

describe('the ledger', () => {
  let store: Awaited<ReturnType<typeof deedDatabase>>
  let vendor: FakeAnthropic
  let answering: PromiseWithResolvers<void>

  before(async () => {
    store = await deedDatabase()
  })
  after(() => store[Symbol.asyncDispose]())
  beforeEach(async () => {
    await store.db.pool.query('truncate operation, result, completion, ready, timer, lease, replica, idempotency')
    vendor = await new FakeAnthropic({ respond: () => answer }).start()
    answering = gate()
  })
  afterEach(() => vendor[Symbol.asyncDispose]())

  /** Claude, that resolves `answering` when the text that was written is taken. */
  const claude = (): Provider => {
    const provider = createAnthropic({ apiKey: 'key', baseUrl: vendor.url })
    return async function* (request, signal) {
      for await (const event of provider(request, signal)) {
        yield event
        if (event.kind === 'text' && event.text !== '') answering.resolve()
      }
    }
  }
  const start = (contract = patient) => replica(store.db, new Map([['anthropic', claude()]]), contract)

  /** The rows of the ledger, when there are any. */
  async function rows() {
    const text = `select attempt, sequence, outcome, input_tokens as input, output_tokens as output, cache_read_tokens as read,
      cache_write_tokens as write, usage_estimated as estimated, cost_micro_usd as cost, provider_request_id as request from completion`
    const stored = async () => (await store.db.pool.query(text)).rows
    await eventually(async () => (await stored()).length > 0, 10_000, 'nothing is in the ledger')
    return stored()
  }

  it('has the completion of a call whose caller left', async () => {
    await using one = await start()
    const caller = new AbortController()
    const gone = assert.rejects(
      one.operations.call(echoCall(store.projectId, one.method, 'x', { signal: caller.signal })),
    )
    await answering.promise
    caller.abort(new Error('gone'))
    await gone
    assert.deepEqual(await rows(), [cutOff])
  })

  it('has that of an operation that was cancelled, on whichever replica', async () => {
    await using one = await start()
    await using other = await start()
    const { operationId } = await one.operations.submit(echoCall(store.projectId, one.method, 'x'))
    await answering.promise
    assert.equal(await other.operations.cancel(store.projectId, operationId), 'cancelled')
    assert.deepEqual(await rows(), [cutOff])
  })

  it('has that of an attempt whose lease was taken away', async () => {
    await using one = await start()
    await one.operations.submit(echoCall(store.projectId, one.method, 'x'))
    await answering.promise
    // The next heartbeat notices it.
    await store.db.pool.query('delete from lease')
    assert.deepEqual(await rows(), [cutOff])
  })

  it('has that of an attempt that a drain has given back', async () => {
    await using one = await start()
    await one.operations.submit(echoCall(store.projectId, one.method, 'x'))
    await answering.promise
    await one.operations.drain(0)
    assert.deepEqual(await rows(), [cutOff])
  })

  for (const [what, options] of [
    ['an attempt', 'attempt_timeout: {nanos: 400000000}'],
    ['an operation', 'timeout: {nanos: 400000000}'],
  ] as const) {
    it(`has that of ${what} that took too long`, async () => {
      await using one = await start(source(options))
      const call = one.operations.call(echoCall(store.projectId, one.method, 'x'))
      assert.deepEqual(await rows(), [cutOff])
      assert.notEqual((await call).code, 0)
    })
  }

  it('has that of a replica that was lost with the database, once that is back', async () => {
    let away = true
    const db: Queryable = {
      query: (config) => {
        if (!away || config.name !== 'append_ledger') return store.db.pool.query(config)
        return Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
      },
    }
    const method = await methodOf(patient)
    const models = new Models({ providers: new Map([['anthropic', claude()]]) })
    const answers = { models, defaultModel: '' }
    const runner = new Runner(db, silent, answers, new Commits(db, new Replica(db, silent)))
    const { projectId, message } = echoCall(store.projectId, method, 'x')
    const operationId = newId(Date.now())
    const lost = new AbortController()
    const identity = { id: operationId, lost: lost.signal }
    const ran = runner.run({
      ...{ projectId, operationId, day: dayOf(operationId), attempt: 1, failures: 0, maxFailures: 1, detached: true },
      ...{ origin: undefined, expiresAt: performance.now() + 60_000, method, message, context: ROOT_CONTEXT, identity },
    })
    await answering.promise
    lost.abort()
    runner.stopAll('lost', identity)
    await ran
    assert.equal(runner.size, 1)
    away = false
    assert.deepEqual(await rows(), [cutOff])
    await eventually(async () => runner.size === 0, 1_000, 'the runner still has something to store')
  })

  it('gives a row up, and says so, when the process ends without the database', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const ledger = new Ledger({ query: () => Promise.reject(refused) }, silent)
    const of = {
      projectId: store.projectId,
      operationId: newId(Date.now()),
      day: '2026-01-31',
      attempt: 1,
      sequence: 1,
    }
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0, costMicroUsd: undefined }
    const request = { latencyMs: 1, providerRequestId: '', startedAtMs: 0, usageEstimated: false }
    const appended = ledger.append([{ ...of, model: 'test/one', outcome: 'ABORTED', ...usage, ...request }])
    assert.equal(ledger.size, 1)
    ledger.stop()
    await appended
    assert.equal(ledger.size, 0)
  })
})
