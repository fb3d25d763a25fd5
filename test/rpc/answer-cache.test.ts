import assert from 'node:assert/strict'
import type { Operation } from '../../gen/deed/v1/operation.ts'
import { OperationServiceService as operations } from '../../gen/deed/v1/operation_service.ts'
import { OperationsService as lro } from '../../gen/google/longrunning/operations.ts'
import { purgeAnswers } from '../../src/storage/statements/purge.ts'
import { refusal } from '../support/call.ts'
import { runCommandHere } from '../support/run-deed.ts'
import { scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'

const proto = (comment = 'Answers.') => ({
  'test/cache/v1/cache.proto': `
syntax = "proto3";
package test.cache.v1;
import "deed/v1/annotations.proto";
import "google/longrunning/operations.proto";
// ${comment}
service CacheService {
  option (deed.v1.service) = {models: ["test/one"], max_failures: 1, max_repairs: 0, cache_ttl: {seconds: 3600}};
  rpc Ask(AskRequest) returns (AskResponse);
  rpc Other(AskRequest) returns (AskResponse);
  rpc Brief(AskRequest) returns (AskResponse) { option (deed.v1.method) = {cache_ttl: {nanos: 1000000}}; }
  rpc Work(AskRequest) returns (google.longrunning.Operation) {
    option (google.longrunning.operation_info) = {response_type: "AskResponse" metadata_type: "google.protobuf.Struct"};
  }
}
message AskRequest { string text = 1; map<string, int32> counts = 2; string request_id = 3; }
message AskResponse { string text = 1; }
`,
})

describe('the cache of answers', () => {
  let deed: TestDeed
  let contract: ContractClient
  let wrong = false
  const model = scripted(() => (wrong ? 'no JSON' : JSON.stringify({ text: `answer ${model.calls()}` })))

  before(async () => {
    deed = await startDeed(model.providers)
    contract = await deed.publish(proto())
  })
  beforeEach(async () => {
    wrong = false
    await deed.db.pool.query('truncate answer_cache')
  })
  after(() => deed[Symbol.asyncDispose]())

  type Request = { text: string; counts?: Record<string, number>; requestId?: string }

  /** The text of the answer, the id of its operation, and of that whose answer it is. */
  async function ask(request: Request, method = 'Ask', client = contract) {
    const { response, trailers } = await client.call(method, { ...request })
    const { text } = response as { text: string }
    return { text, id: trailers['deed-operation'] ?? '', from: trailers['deed-cached-from'], trailers }
  }

  const entries = async () =>
    (await deed.db.pool.query('select operation_id as id from answer_cache')).rows.map(({ id }) => id)

  /** As {@link ask}; returns when the answer is in the cache. */
  async function cache(request: Request, method = 'Ask', client = contract) {
    const asked = await ask(request, method, client)
    await within(2_000, async () => assert((await entries()).includes(asked.id.replace('operations/', ''))))
    return asked
  }

  async function get(name: string): Promise<Operation> {
    const { response } = await deed.call(operations.getOperation, { name })
    assert(response.operation)
    return response.operation
  }

  it('gives an answer again to an equal request, as an operation of its own that is marked and free', async () => {
    const first = await cache({ text: 'x', counts: { a: 1, b: 2 } })
    const asked = model.calls()
    const again = await ask({ text: 'x', counts: { b: 2, a: 1 } })
    assert.deepEqual([again.text, again.from, model.calls()], [first.text, first.id, asked])
    assert.notEqual(again.id, first.id)
    assert.deepEqual([again.trailers['deed-model'], again.trailers['deed-replayed']], ['test/one', 'false'])
    assert.equal(first.trailers['deed-cached-from'], undefined)
    const [made, given] = [await get(first.id), await get(again.id)]
    assert.deepEqual([made.cachedFrom, made.completions.length], ['', 1])
    assert.deepEqual([given.cachedFrom, given.completions, given.costMicroUsd], [first.id, [], 0n])
    assert.deepEqual([given.model, given.attempts, given.result], ['test/one', 1, made.result])
    // What was given again is no source.
    assert.deepEqual(await entries(), [first.id.replace('operations/', '')])
  })

  it('is named by the command line', async () => {
    const first = await cache({ text: 'cli' })
    const run = (...args: string[]) =>
      runCommandHere(args, { DEED_ADDRESS: deed.address, DEED_KEY: deed.project.adminKey })
    const called = await run('call', 'test.cache.v1.CacheService/Ask', '-d', '{"text": "cli"}')
    assert.match(called.stderr, new RegExp(`^(operations/\\S+) · version 1 · test/one · the answer of ${first.id}\n$`))
    const [id = ''] = called.stderr.split(' ')
    const { stdout } = await run('operation', 'get', id)
    assert.match(stdout, new RegExp(`\\n {2}cost +\\$0\n {2}answer of ${first.id}\n`))
  })

  it('replays a cached answer under its key', async () => {
    const first = await cache({ text: 'key' })
    const keyed = () =>
      contract.send('Ask', contract.encode('Ask', { text: 'key' }), { metadata: { 'idempotency-key': 'k' } })
    const [one, two] = [await keyed(), await keyed()]
    assert.deepEqual([one.trailers['deed-replayed'], two.trailers['deed-replayed']], ['false', 'true'])
    for (const { trailers } of [one, two]) assert.equal(trailers['deed-cached-from'], first.id)
  })

  it('serves what is submitted, and what a long-running method answers', async () => {
    const work = (text: string) => contract.send('Work', contract.encode('Work', { text }))
    const ended = async (name = '') => (await deed.call(lro.waitOperation, { name, timeout: undefined })).response
    const first = (await work('w')).trailers['deed-operation']
    await ended(first)
    await within(2_000, async () => assert.equal((await entries()).length, 1))
    const asked = model.calls()
    const submitted = { method: 'test.cache.v1.CacheService/Work', request: { text: 'w' }, idempotencyKey: '' }
    const { response } = await deed.call(operations.submitOperation, submitted)
    for (const name of [(await work('w')).trailers['deed-operation'], response.operation?.name]) {
      await ended(name)
      assert.equal((await get(name ?? '')).cachedFrom, first)
    }
    assert.equal(model.calls(), asked)
  })

  it('knows other requests, methods, versions and projects for others', async () => {
    const first = await cache({ text: 'x' })
    assert.equal((await ask({ text: 'y' })).from, undefined)
    assert.equal((await ask({ text: 'x' }, 'Other')).from, undefined)
    const other = await deed.addProject()
    const elsewhere = await deed.publish(proto(), { key: other.adminKey })
    assert.equal((await ask({ text: 'x' }, 'Ask', elsewhere)).from, undefined)
    assert.equal((await ask({ text: 'x' })).from, first.id)
    const [version] = (await deed.publish(proto('Answers better.'))).versions
    await within(2_000, async () => {
      const { trailers } = await contract.call('Ask', { text: 'other' })
      assert.equal(trailers['deed-contract-version'], version?.name)
    })
    assert.equal((await ask({ text: 'x' })).from, undefined)
  })

  it('asks again when the time is over, and forgets what is', async () => {
    await cache({ text: 'x' }, 'Brief')
    await within(2_000, async () => assert.equal((await ask({ text: 'x' }, 'Brief')).from, undefined))
    await within(2_000, async () => {
      await purgeAnswers(deed.db.pool, 10)
      // An answer of the test before may be kept only now.
      const { rows } = await deed.db.pool.query(`select 1 from answer_cache where method like '%/Brief'`)
      assert.deepEqual(rows, [])
    })
  })

  it('keeps no error', async () => {
    wrong = true
    assert.equal((await refusal(ask({ text: 'e' }))).reason, 'ANSWER_INVALID')
    wrong = false
    assert.equal((await ask({ text: 'e' })).from, undefined)
  })

  it('is passed by when an operation is retried by hand, and has the new answer then', async () => {
    const first = await cache({ text: 'r' })
    const { response } = await deed.call(operations.retryOperation, { name: first.id, idempotencyKey: '' })
    const name = response.operation?.name ?? ''
    await deed.call(lro.waitOperation, { name, timeout: undefined })
    const retried = await get(name)
    assert.deepEqual([retried.cachedFrom, retried.completions.length], ['', 1])
    await within(2_000, async () => assert.equal((await ask({ text: 'r' })).from, name))
  })

  it('loses the answer of an operation that is deleted, but not what it was given to', async () => {
    const first = await cache({ text: 'd' })
    const again = await ask({ text: 'd' })
    assert.equal(again.from, first.id)
    await deed.call(lro.deleteOperation, { name: first.id })
    assert.deepEqual(await entries(), [])
    assert.equal((await ask({ text: 'd' })).from, undefined)
    assert.equal((await get(again.id)).cachedFrom, first.id)
  })
})
