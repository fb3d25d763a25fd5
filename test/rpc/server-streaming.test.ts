import assert from 'node:assert/strict'
import { status as codes } from '@grpc/grpc-js'
import { CompletionOutcome } from '../../gen/deed/v1/operation.ts'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import { OperationsService } from '../../gen/google/longrunning/operations.ts'
import type { CompletionRequest } from '../../src/models/provider.ts'
import { ModelError } from '../../src/models/provider.ts'
import { type CallWith, refusal } from '../support/call.ts'
import { misplaced } from '../support/operations.ts'
import { gate, streamed } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'
import { openStream, type StreamCall } from '../support/stream.ts'

const proto = {
  'test/tale/v1/tale.proto': `
syntax = "proto3";
package test.tale.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
// Tells tales.
service TaleService {
  option (deed.v1.service) = {models: ["test/one"], max_failures: 1, max_repairs: 1};
  // Tell a tale.
  rpc Tell(TellRequest) returns (stream TellResponse);
  // The same, with another attempt when one fails.
  rpc TellAgain(TellRequest) returns (stream TellResponse) { option (deed.v1.method) = {max_failures: 2}; }
  // The same, with another model to fall back on.
  rpc TellSurely(TellRequest) returns (stream TellResponse) {
    option (deed.v1.method) = {models: ["test/one", "test/two"]};
  }
}
message TellRequest { string topic = 1 [(buf.validate.field).string.max_len = 20]; }
message TellResponse {
  string sentence = 1 [(buf.validate.field).string.min_len = 2];
  map<string, int64> counts = 2;
}
`,
}

type Script = (request: CompletionRequest, signal: AbortSignal) => AsyncIterable<string>

const item = (n: number) => JSON.stringify({ sentence: `item ${n}`, counts: [{ key: 'n', value: String(n) }] })
const items = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `item ${from + n}`)
const list = (from: number, to: number) => `{"items": [${items(from, to).map((_, n) => item(from + n))}]}`

describe('a method that returns a stream', () => {
  let deed: TestDeed
  let client: ContractClient
  let script: Script
  let asked: CompletionRequest[]
  let stop: 'complete' | 'truncated'
  const model = streamed(
    (request, signal) => {
      asked.push(request)
      return script(request, signal)
    },
    () => stop,
  )

  before(async () => {
    deed = await startDeed(model.providers)
    client = await deed.publish(proto)
  })
  beforeEach(() => {
    asked = []
    stop = 'complete'
  })
  afterEach(async () => assert.deepEqual(await misplaced(deed.db), []))
  after(() => deed[Symbol.asyncDispose]())

  function tell(how: CallWith = {}, at: TestDeed = deed, topic = 'foxes'): StreamCall {
    const call = openStream(at.client, client.path('Tell'), { key: client.key, ...how })
    call.send(client.encode('Tell', { topic }))
    call.end()
    return call
  }

  async function operationOf(call: StreamCall) {
    const { 'deed-operation': name = '' } = await call.headers
    return (await deed.call(OperationServiceService.getOperation, { name })).response
  }

  const sentence = (bytes: Buffer | undefined) => {
    const json = bytes && client.decode('Tell', bytes)
    return json instanceof Object && 'sentence' in json ? json['sentence'] : undefined
  }
  const sentences = (messages: readonly Buffer[]) => messages.map(sentence)

  it('sends each item when it is complete, before the model writes the next', async () => {
    const [second, rest] = [gate(), gate()]
    script = async function* () {
      yield `{"items": [${item(1)}`
      await second.promise
      yield `, ${item(2).slice(0, 9)}`
      yield item(2).slice(9)
      await rest.promise
      yield `, ${item(3)}, ${item(4)}]}`
    }
    const call = tell()
    const { 'deed-operation': operation } = await call.headers
    assert.match(operation ?? '', /^operations\/[0-9a-f-]{36}$/)
    assert.deepEqual(client.decode('Tell', (await call.next()) ?? Buffer.of()), {
      sentence: 'item 1',
      counts: { n: '1' },
    })
    second.resolve()
    assert.equal(sentence(await call.next()), 'item 2')
    rest.resolve()
    assert.deepEqual(sentences(await call.rest()), items(3, 4))
    const { trailers, error } = await call.ended
    assert.equal(error, undefined)
    assert.equal(trailers['deed-contract-version'], 'contracts/test.tale.v1.TaleService/versions/1')
    assert.equal(trailers['deed-model'], 'test/one')
    assert.equal(trailers['deed-replayed'], 'false')
    assert.equal(trailers['deed-operation'], undefined)
  })

  it('has stored an item before it is sent, and tells the model that it answers with a list', async () => {
    const more = gate()
    script = async function* () {
      yield `{"items": [${item(1)}`
      await more.promise
      yield ']}'
    }
    const call = tell()
    assert.equal(sentence(await call.next()), 'item 1')
    const id = ((await call.headers)['deed-operation'] ?? '').slice('operations/'.length)
    const { rows } = await deed.db.pool.query('select ordinal, attempt from item where operation_id = $1', [id])
    assert.deepEqual(rows, [{ ordinal: 1, attempt: 1 }])
    more.resolve()
    assert.deepEqual(await call.rest(), [])
    const [request] = asked
    assert.equal(request?.schema.properties?.['items']?.type, 'array')
    assert.deepEqual(request?.schema.required, ['items'])
    assert.match(request?.system ?? '', /# The answer is a list/)
  })

  it('may be empty', async () => {
    script = async function* () {
      yield '{"items": []}'
    }
    const call = tell()
    assert.deepEqual(await call.rest(), [])
    assert.equal((await call.ended).error, undefined)
  })

  it('replays with its key what is stored, to many at once, and asks the model once', async () => {
    script = async function* () {
      yield list(1, 40)
    }
    const how = { metadata: { 'idempotency-key': 'replayed' } }
    const calls = [tell(how), tell(how), tell(how)]
    for (const call of calls) assert.deepEqual(sentences(await call.rest()), items(1, 40))
    const again = tell(how)
    assert.deepEqual(sentences(await again.rest()), items(1, 40))
    assert.equal((await again.ended).trailers['deed-replayed'], 'true')
    assert.equal(asked.length, 1)
    const other = tell(how, deed, 'hens')
    assert.deepEqual(await other.rest(), [])
    assert.equal((await other.ended).error?.reason, 'IDEMPOTENCY_KEY_REUSED')
  })

  it('asks again for an item that breaks the contract, and keeps those before it', async () => {
    script = async function* ({ itemsBefore }) {
      yield itemsBefore === 0 ? `{"items": [${item(1)}, ${item(2)}, {"sentence": "x"}, ${item(9)}]}` : list(3, 4)
    }
    const call = tell()
    assert.deepEqual(sentences(await call.rest()), items(1, 4))
    assert.equal((await call.ended).error, undefined)
    assert.equal(asked.length, 2)
    const turn = asked[1]?.turns.map(({ text }) => text).join() ?? ''
    assert.match(turn, /The list has 2 items already/)
    assert.match(turn, /<items>\n\{"sentence":"item 1","counts":\[\{"key":"n","value":"1"\}\]\}\n/)
    assert.match(turn, /<rejected>\n\{"sentence": "x"\}\n<\/rejected>\n- items\[2\]\.sentence: /)
    assert.ok(!turn.includes('item 9'))
  })

  for (const [what, text, field] of [
    ['an item that breaks the contract', `{"items": [${item(1)}, {"sentence": "x"}]}`, 'items[1].sentence'],
    ['an item that is no object', `{"items": [${item(1)}, 7]}`, 'items[1]'],
    ['text after the list', `{"items": [${item(1)}]} That is all.`, ''],
    ['a list that is cut off', `{"items": [${item(1)}, {"sent`, ''],
    ['a member beside the list', `{"items": [${item(1)}], "more": 1}`, ''],
  ] as const) {
    it(`ends in ANSWER_INVALID after the good items: ${what}`, async () => {
      script = async function* ({ itemsBefore }) {
        yield itemsBefore === 0 ? text : text.replace(`${item(1)}, `, '').replace(item(1), '')
      }
      const call = tell()
      assert.deepEqual(sentences(await call.rest()), items(1, 1))
      const { error, trailers } = await call.ended
      assert.equal(error?.code, codes.INTERNAL)
      assert.equal(error?.reason, 'ANSWER_INVALID')
      assert.ok(error?.violations[0]?.startsWith(`${field}: `), error?.violations.join())
      assert.equal(trailers['deed-model'], 'test/one')
      assert.equal(asked.length, 2)
    })
  }

  it('ends in MODELS_EXHAUSTED after the good items when the provider cuts it off, and replays that', async () => {
    script = async function* () {
      yield `{"items": [${item(1)}, ${item(2)}, {"sent`
      throw new ModelError('unavailable', 'the connection broke')
    }
    const how = { metadata: { 'idempotency-key': 'cut' } }
    for (const replayed of ['false', 'true']) {
      const call = tell(how)
      assert.deepEqual(sentences(await call.rest()), items(1, 2))
      const { error, trailers } = await call.ended
      assert.deepEqual([error?.code, error?.reason], [codes.ABORTED, 'MODELS_EXHAUSTED'])
      assert.equal(trailers['deed-replayed'], replayed)
    }
    assert.equal(asked.length, 1)
  })

  it('ends with its caller without a key, and goes on with one', async () => {
    for (const key of [undefined, 'left']) {
      const stopped = gate()
      const more = gate()
      script = async function* (_, signal) {
        signal.addEventListener('abort', () => stopped.resolve())
        yield `{"items": [${item(1)}`
        await (key === undefined ? stopped.promise : more.promise)
        yield `, ${item(2)}]}`
      }
      const how = key === undefined ? {} : { metadata: { 'idempotency-key': key } }
      const call = tell(how)
      assert.equal(sentence(await call.next()), 'item 1')
      const id = ((await call.headers)['deed-operation'] ?? '').slice('operations/'.length)
      call.cancel()
      more.resolve()
      if (key === undefined) await stopped.promise
      await within(5_000, async () => {
        const { rows } = await deed.db.pool.query('select code from result where id = $1', [id])
        assert.deepEqual(rows, [{ code: key === undefined ? codes.CANCELLED : codes.OK }])
      })
      if (key !== undefined) assert.deepEqual(sentences(await tell(how).rest()), items(1, 2))
    }
  })

  it('holds the model back while its reader does not read', async () => {
    const written: number[] = []
    const big = 'x'.repeat(64 * 1024)
    script = async function* () {
      const mine = written.push(0) - 1
      yield '{"items": ['
      for (let n = 1; n <= 100; n++) {
        written[mine] = n
        yield `${n === 1 ? '' : ', '}${JSON.stringify({ sentence: `item ${n} ${big}` })}`
      }
      yield ']}'
    }
    const call = tell()
    assert.match(String(sentence(await call.next())), /^item 1 /)
    // In the time that two others take from their first item to their last, it would be done.
    for (const _ of [1, 2]) assert.equal((await tell().rest()).length, 100)
    assert.deepEqual(written.slice(1), [100, 100])
    // What HTTP/2's windows hold, one that waits for them, and the 16 that a model may be ahead.
    assert.ok(Number(written[0]) < 42, `${written[0]} items were written for a reader that took 1`)
    const rest = await call.rest()
    assert.equal(rest.length, 99)
    assert.match(String(sentence(rest.at(-1))), /^item 100 /)
  })

  it('goes on at another replica, in order and each once, when its own is drained', async () => {
    const other = await deed.replica()
    const reached = gate()
    let cut = true
    script = async function* ({ itemsBefore = 0 }, signal) {
      yield `{"items": [${itemsBefore === 0 ? item(1) : ''}`
      for (let n = Math.max(2, itemsBefore + 1); n <= 100; n++) {
        if (n === 41 && cut) {
          cut = false
          reached.resolve()
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        }
        yield `${n === itemsBefore + 1 ? '' : ', '}${item(n)}`
      }
      yield ']}'
    }
    const how = { metadata: { 'idempotency-key': 'moved' } }
    const first = tell(how, other)
    await first.headers
    const joined = tell(how)
    await reached.promise
    const drained = other[Symbol.asyncDispose]()
    const seen = sentences(await first.rest())
    assert.deepEqual(seen, items(1, 40))
    assert.equal((await first.ended).error?.code, codes.UNAVAILABLE)
    // Who followed it at another replica does not notice.
    assert.deepEqual(sentences(await joined.rest()), items(1, 100))
    assert.deepEqual(sentences(await tell(how).rest()), items(1, 100))
    assert.match(asked[1]?.turns[0]?.text ?? '', /The list has 40 items already/)
    await drained
  })

  it('goes on for who comes back to another replica while a connection that nobody reads is left', async () => {
    await using other = await deed.replica()
    script = async function* () {
      yield '{"items": ['
      for (let n = 1; n <= 100; n++)
        yield `${n === 1 ? '' : ', '}${JSON.stringify({ sentence: `item ${n} ${'x'.repeat(64 * 1024)}` })}`
      yield ']}'
    }
    const how = { metadata: { 'idempotency-key': 'half-open' } }
    const left = tell(how, other)
    await left.headers
    assert.equal((await tell(how).rest()).length, 100)
    const late = sentences(await left.rest())
    assert.deepEqual([late.length, String(late.at(-1)).slice(0, 9)], [100, 'item 100 '])
    assert.equal(asked.length, 1)
  })

  it('does not keep a replica that drains when its reader does not read', async () => {
    const other = await deed.replica()
    const reached = gate()
    script = async function* ({ itemsBefore = 0 }) {
      yield '{"items": ['
      for (let n = itemsBefore + 1; n <= 200; n++) {
        if (n === 10) reached.resolve()
        yield `${n === itemsBefore + 1 ? '' : ', '}${JSON.stringify({ sentence: `item ${n} ${'x'.repeat(64 * 1024)}` })}`
      }
      yield ']}'
    }
    const how = { metadata: { 'idempotency-key': 'unread' }, deadlineMs: 60_000 }
    const stalled = tell(how, other)
    await stalled.headers
    await reached.promise
    const from = performance.now()
    await other[Symbol.asyncDispose]()
    assert.ok(performance.now() - from < 10_000, 'the drain waited for the reader')
    const all = sentences(await tell(how).rest())
    assert.deepEqual([all.length, String(all.at(-1)).slice(0, 9)], [200, 'item 200 '])
  })

  it('goes on with the next model where one that failed has left it', async () => {
    script = async function* ({ model, itemsBefore = 0 }) {
      yield model === 'one' ? `{"items": [${item(1)}, ${item(2)}, {"se` : list(itemsBefore + 1, 4)
      if (model === 'one') throw new ModelError('unavailable', 'the connection broke')
    }
    const call = openStream(deed.client, client.path('TellSurely'), { key: client.key })
    call.send(client.encode('TellSurely', { topic: 'foxes' }))
    call.end()
    assert.deepEqual(sentences(await call.rest()), items(1, 4))
    const { trailers, error } = await call.ended
    assert.equal(error, undefined)
    assert.equal(trailers['deed-model'], 'test/two')
  })

  for (const key of [undefined, 'again']) {
    it(`goes on in another attempt ${key === undefined ? 'without a key, under the same lease' : 'with a key'}`, async () => {
      script = async function* ({ itemsBefore = 0 }) {
        yield itemsBefore === 0 ? `{"items": [${item(1)}, ${item(2)}, {"se` : list(itemsBefore + 1, 4)
        if (itemsBefore === 0) throw new ModelError('unavailable', 'the connection broke')
      }
      const how = key === undefined ? {} : { metadata: { 'idempotency-key': key } }
      const call = openStream(deed.client, client.path('TellAgain'), { key: client.key, ...how })
      call.send(client.encode('TellAgain', { topic: 'foxes' }))
      call.end()
      assert.deepEqual(sentences(await call.rest()), items(1, 4))
      assert.equal((await call.ended).error, undefined)
      const { operation } = await operationOf(call)
      assert.deepEqual([operation?.itemCount, operation?.attempts], [4, key === undefined ? 1 : 2])
    })
  }

  it('asks for the rest of what is cut off by max_output_tokens, as often as it may', async () => {
    stop = 'truncated'
    script = async function* ({ itemsBefore = 0 }) {
      yield `{"items": [${item(itemsBefore + 1)}, {"sen`
    }
    const call = tell()
    assert.deepEqual(sentences(await call.rest()), items(1, 2))
    const { error } = await call.ended
    assert.equal(error?.reason, 'ANSWER_INVALID')
    assert.match(error?.violations.join() ?? '', /^: cut off at max_output_tokens \(8192\)/)
    const { operation } = await operationOf(call)
    assert.deepEqual(
      operation?.completions.map(({ outcome }) => outcome),
      [CompletionOutcome.COMPLETION_OUTCOME_TRUNCATED, CompletionOutcome.COMPLETION_OUTCOME_TRUNCATED],
    )
    assert.equal(operation?.itemCount, 2)
    assert.doesNotMatch(asked[1]?.turns[0]?.text ?? '', /briefer/)
    script = async function* () {
      yield '{"items": [{"sen'
    }
    await tell().rest()
    assert.match(asked.at(-1)?.turns[0]?.text ?? '', /cut off at max_output_tokens \(8192\): be briefer/)
  })

  it('is cancelled with its operation, after the items that were sent', async () => {
    const stopped = gate()
    script = async function* (_, signal) {
      signal.addEventListener('abort', () => stopped.resolve())
      yield `{"items": [${item(1)}`
      await stopped.promise
    }
    const call = tell({ metadata: { 'idempotency-key': 'cancelled' } })
    assert.equal(sentence(await call.next()), 'item 1')
    const name = (await call.headers)['deed-operation'] ?? ''
    await deed.call(OperationsService.cancelOperation, { name })
    assert.deepEqual(await call.rest(), [])
    assert.equal((await call.ended).error?.reason, 'OPERATION_CANCELLED')
    await stopped.promise
  })

  it('waits in the queue of a project with a limit, as other calls do', async () => {
    const [started, more] = [gate(), gate()]
    script = async function* () {
      started.resolve()
      await more.promise
      yield list(1, 3)
    }
    await deed.db.pool.query('update lane set max_running = 1 where project_id = $1', [deed.project.id])
    try {
      const first = tell()
      await started.promise
      const second = tell()
      await second.headers
      more.resolve()
      for (const call of [first, second]) assert.deepEqual(sentences(await call.rest()), items(1, 3))
    } finally {
      await deed.db.pool.query('update lane set max_running = null where project_id = $1', [deed.project.id])
    }
  })

  it('may be submitted, its items listed in pages, and deleted with them', async () => {
    script = async function* () {
      yield list(1, 5)
    }
    const submission = { method: 'test.tale.v1.TaleService/Tell', request: { topic: 'foxes' }, idempotencyKey: '' }
    const { response: submitted } = await deed.call(OperationServiceService.submitOperation, submission)
    const name = submitted.operation?.name ?? ''
    const { response: ended } = await deed.call(OperationsService.waitOperation, { name, timeout: undefined })
    assert.ok(ended.result?.$case === 'response')
    assert.equal(ended.result.value.typeUrl, 'type.googleapis.com/google.protobuf.Empty')
    const pages: unknown[][] = []
    for (let pageToken = ''; pages.length === 0 || pageToken !== ''; ) {
      const asked = { name, pageSize: 2, pageToken }
      const { response } = await deed.call(OperationServiceService.listOperationItems, asked)
      assert.ok(response.items.every(({ typeUrl }) => typeUrl === 'type.googleapis.com/test.tale.v1.TellResponse'))
      pages.push(response.items.map(({ value }) => sentence(value)))
      pageToken = response.nextPageToken
    }
    assert.deepEqual(pages, [items(1, 2), items(3, 4), items(5, 5)])
    await deed.call(OperationsService.deleteOperation, { name })
    const gone = await refusal(
      deed.call(OperationServiceService.listOperationItems, { name, pageSize: 0, pageToken: '' }),
    )
    assert.equal(gone.reason, 'OPERATION_NOT_FOUND')
    const id = name.slice('operations/'.length)
    assert.deepEqual((await deed.db.pool.query('select from item where operation_id = $1', [id])).rows, [])
  })

  it('does not replay, under one key, what a version without a stream was answered with, nor the other way round', async () => {
    const service = (returns: string) => ({
      'test/shape/v1/shape.proto': `
syntax = "proto3";
package test.shape.v1;
service ShapeService { rpc Go(GoRequest) returns (${returns}); }
message GoRequest {}
message GoResponse { int32 number = 1; }
`,
    })
    script = async function* ({ method }) {
      yield method.shape === 'unary' ? '{"number": 7}' : '{"items": [{"number": 7}]}'
    }
    const go = (key: string) => shaped.call('Go', {}, { metadata: { 'idempotency-key': key } })
    const shaped = await deed.publish(service('GoResponse'))
    assert.deepEqual((await go('one')).response, { number: 7 })
    await deed.publish(service('stream GoResponse'), { allowBreaking: true })
    const versionOf = async () => (await shaped.call('Go', {})).trailers['deed-contract-version']?.at(-1)
    await within(5_000, async () => assert.equal(await versionOf(), '2'))
    assert.deepEqual((await go('list')).response, { number: 7 })
    assert.equal((await refusal(go('one'))).reason, 'IDEMPOTENCY_KEY_REUSED')
    await deed.publish(service('GoResponse'), { allowBreaking: true })
    await within(5_000, async () => assert.equal((await refusal(go('list'))).reason, 'IDEMPOTENCY_KEY_REUSED'))
    assert.deepEqual((await go('one')).response, { number: 7 })
  })

  it('is refused before an operation is made when its request is none', async () => {
    for (const [requests, reason, code] of [
      [[], '', codes.UNIMPLEMENTED],
      [[Buffer.of(), Buffer.of()], '', codes.UNIMPLEMENTED],
      [[client.encode('Tell', { topic: 'x'.repeat(21) })], 'REQUEST_INVALID', codes.INVALID_ARGUMENT],
      [[Buffer.alloc(5_000_000)], 'REQUEST_TOO_LARGE', codes.RESOURCE_EXHAUSTED],
    ] as const) {
      const call = openStream(deed.client, client.path('Tell'), { key: client.key })
      for (const request of requests) call.send(request)
      call.end()
      assert.deepEqual(await call.rest(), [])
      const { error } = await call.ended
      assert.deepEqual([error?.code, error?.reason], [code, reason])
    }
    assert.equal(asked.length, 0)
  })

  it('waits for the half-close until the deadline', async () => {
    const call = openStream(deed.client, client.path('Tell'), { key: client.key, deadlineMs: 300 })
    call.send(client.encode('Tell', { topic: 'x' }))
    assert.deepEqual(await call.rest(), [])
    assert.equal((await call.ended).error?.code, codes.DEADLINE_EXCEEDED)
    assert.equal(asked.length, 0)
  })
})
