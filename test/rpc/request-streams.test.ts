import assert from 'node:assert/strict'
import { toJson } from '@bufbuild/protobuf'
import { status as codes } from '@grpc/grpc-js'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import type { CompletionRequest } from '../../src/models/provider.ts'
import type { CallWith } from '../support/call.ts'
import { count, misplaced } from '../support/operations.ts'
import { answerAfter, gate, scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'
import { openStream } from '../support/stream.ts'

const proto = (shapes: string) => ({
  'test/mail/v1/mail.proto': `
syntax = "proto3";
package test.mail.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
service MailService {
  option (deed.v1.service) = {models: ["test/one"], max_failures: 1, max_repairs: 0};
  ${shapes}
}
message SortRequest {
  // What was written.
  string text = 1 [(buf.validate.field).string.min_len = 1];
  string request_id = 2;
}
// Not the type of a stream of SortRequest.
message SortRequestStream { int32 requests = 1; }
message SortResponse { string word = 1 [(buf.validate.field).string.min_len = 1]; }
`,
})

type Script = (texts: string[], signal: AbortSignal, request: CompletionRequest) => Promise<string> | string

describe('methods that take a stream of requests', () => {
  let deed: TestDeed
  let client: ContractClient
  let script: Script
  let asked: CompletionRequest[]
  const model = scripted(async (request, signal) => {
    asked.push(request)
    const json = toJson(request.method.input, request.request)
    return JSON.stringify({ word: await script(textsIn(json), signal, request) })
  })

  before(async () => {
    deed = await startDeed(model.providers)
    client = await deed.publish(
      proto(`// Sum all up.
        rpc Sum(stream SortRequest) returns (SortResponse);
        // Sort each.
        rpc Sort(stream SortRequest) returns (stream SortResponse);`),
    )
  })
  beforeEach(() => {
    asked = []
    script = (texts) => texts.join('+')
  })
  afterEach(async () => assert.deepEqual(await misplaced(deed.db), []))
  after(() => deed[Symbol.asyncDispose]())

  const bytes = (text: string, requestId = '') => client.encode('Sort', { text, requestId })
  function open(method: string, how: CallWith = {}) {
    return openStream(deed.client, client.path(method), { key: client.key, ...how })
  }
  function send(method: string, texts: readonly string[], how: CallWith = {}) {
    const call = open(method, how)
    for (const text of texts) call.send(bytes(text))
    call.end()
    return call
  }
  const words = (messages: readonly Buffer[]) =>
    messages.map((message) => {
      const json = client.decode('Sort', message)
      return json instanceof Object && 'word' in json ? json['word'] : ''
    })

  describe('and return a message', () => {
    it('are one operation of all requests', async () => {
      const call = send('Sum', ['a', 'b', 'c'], { metadata: { 'idempotency-key': 'sum' } })
      assert.deepEqual(words(await call.rest()), ['a+b+c'])
      const { trailers, error } = await call.ended
      assert.equal(error, undefined)
      const name = trailers['deed-operation'] ?? ''
      const { response } = await deed.call(OperationServiceService.getOperation, { name })
      assert.equal(response.operation?.request, undefined)
      assert.deepEqual(
        response.operation?.requests.map(({ value }) => value.toString('hex')),
        ['a', 'b', 'c'].map((text) => Buffer.from(bytes(text)).toString('hex')),
      )
      assert.equal(response.operation?.requests[0]?.typeUrl, 'type.googleapis.com/test.mail.v1.SortRequest')
      assert.match(asked[0]?.turns[0]?.text ?? '', /^<request>\n\{\n "requests": \[\n/)
      assert.match(asked[0]?.system ?? '', /- requests\.text: What was written\./)
      const { response: contract } = await deed.call(ContractServiceService.getContract, {
        name: 'contracts/test.mail.v1.MailService',
      })
      assert.equal(contract.version?.methods[0]?.requestType, 'test.mail.v1.SortRequest')
    })

    it('have one outcome under a key, for the same requests in the same order', async () => {
      const how = { metadata: { 'idempotency-key': 'order' } }
      assert.deepEqual(words(await send('Sum', ['a', 'b'], how).rest()), ['a+b'])
      const again = send('Sum', ['a', 'b'], how)
      assert.deepEqual(words(await again.rest()), ['a+b'])
      assert.equal((await again.ended).trailers['deed-replayed'], 'true')
      for (const texts of [['b', 'a'], ['a'], ['a', 'b', 'b']]) {
        const other = send('Sum', texts, how)
        await other.rest()
        assert.equal((await other.ended).error?.reason, 'IDEMPOTENCY_KEY_REUSED')
      }
      assert.equal(asked.length, 1)
    })

    it('are refused without a request, with one that breaks a rule, and when they are too large together', async () => {
      const before = await count(deed.db, 'operation')
      const large = 'x'.repeat(1_500_000)
      for (const [texts, reason, said] of [
        [[], 'REQUEST_INVALID', /^requests: must contain at least 1 item/],
        [['a', 'b', ''], 'REQUEST_INVALID', /^requests\[2\]\.text: /],
        [[large, large, large], 'REQUEST_TOO_LARGE', /^$/],
        [
          Array.from({ length: 10_001 }, () => 'a'),
          'REQUEST_INVALID',
          /^requests: must contain no more than 10000 item/,
        ],
      ] as const) {
        const call = send('Sum', texts)
        assert.deepEqual(await call.rest(), [])
        const { error } = await call.ended
        assert.equal(error?.reason, reason)
        if (reason === 'REQUEST_INVALID')
          assert.match(error.message, /the stream of test\.mail\.v1\.SortRequest breaks /)
        assert.match(error?.violations.join() ?? '', said)
      }
      assert.equal(await count(deed.db, 'operation'), before)
    })

    it('are refused when there are too many of them, though no end is in sight', async () => {
      const call = open('Sum')
      for (let n = 0; n <= 10_000; n++) call.send(bytes('a'))
      await call.rest()
      assert.match((await call.ended).error?.violations.join() ?? '', /no more than 10000 item/)
    })

    it('make no operation, and take no key, when the caller leaves or its deadline passes before the last request', async () => {
      const before = await count(deed.db, 'operation')
      const left = open('Sum', { metadata: { 'idempotency-key': 'half' } })
      left.send(bytes('a'))
      await new Promise((resolve) => setImmediate(resolve))
      left.cancel()
      assert.equal((await left.ended).error?.code, codes.CANCELLED)
      const late = open('Sum', { deadlineMs: 200 })
      late.send(bytes('a'))
      await late.rest()
      assert.equal((await late.ended).error?.code, codes.DEADLINE_EXCEEDED)
      const whole = send('Sum', ['a', 'b'], { metadata: { 'idempotency-key': 'half' } })
      assert.deepEqual(words(await whole.rest()), ['a+b'])
      assert.equal(await count(deed.db, 'operation'), before + 1)
    })

    it('take what a submitted request lists', async () => {
      const request = { requests: [{ text: 'x' }, { text: 'y' }] }
      const method = 'test.mail.v1.MailService/Sum'
      const { response } = await deed.call(OperationServiceService.submitOperation, {
        method,
        request,
        idempotencyKey: '',
      })
      const name = response.operation?.name ?? ''
      await within(5_000, async () => {
        const { response: got } = await deed.call(OperationServiceService.getOperation, { name })
        assert.equal(got.operation?.requests.length, 2)
        assert.equal(got.operation?.result?.$case, 'response')
      })
    })
  })

  describe('and return a stream', () => {
    it('answer in the order of the requests, an operation for each', async () => {
      const late = gate()
      script = async ([text = '']) => {
        if (text === 'a') await late.promise
        if (text === 'c') late.resolve()
        return text
      }
      const call = send('Sort', ['a', 'b', 'c'], { metadata: { 'idempotency-key': 'each' } })
      assert.deepEqual(words(await call.rest()), ['a', 'b', 'c'])
      const { trailers } = await call.ended
      assert.equal(trailers['deed-replayed'], 'false')
      assert.equal(trailers['deed-contract-version'], 'contracts/test.mail.v1.MailService/versions/1')
      const { rows } = await deed.db.pool.query(`select key from operation where key like 'each/%' order by key`)
      assert.deepEqual(
        rows.map(({ key }) => key),
        ['each/1', 'each/2', 'each/3'],
      )
      const again = send('Sort', ['a', 'b', 'c'], { metadata: { 'idempotency-key': 'each' } })
      assert.deepEqual(words(await again.rest()), ['a', 'b', 'c'])
      assert.equal((await again.ended).trailers['deed-replayed'], 'true')
      assert.equal(asked.length, 3)
    })

    it('answer a request before the next is sent', async () => {
      const call = open('Sort')
      for (const text of ['a', 'b', 'c']) {
        call.send(bytes(text))
        assert.deepEqual(words([(await call.next()) ?? Buffer.of()]), [text])
      }
      call.end()
      assert.equal(await call.next(), undefined)
      assert.equal((await call.ended).error, undefined)
    })

    it('may have no request, and then replay none', async () => {
      const call = send('Sort', [], { metadata: { 'idempotency-key': 'none' } })
      assert.deepEqual(await call.rest(), [])
      const { trailers, error } = await call.ended
      assert.equal(error, undefined)
      assert.equal(trailers['deed-replayed'], 'false')
    })

    it('work on a bounded number at once', async () => {
      const [open_, sixteen] = [gate(), gate()]
      let [running, most] = [0, 0]
      script = async ([text = '']) => {
        most = Math.max(most, ++running)
        if (running === 16) sixteen.resolve()
        await open_.promise
        running--
        return text
      }
      const texts = Array.from({ length: 60 }, (_, n) => `t${n}`)
      const call = send('Sort', texts)
      await sixteen.promise
      open_.resolve()
      assert.deepEqual(words(await call.rest()), texts)
      assert.equal(most, 16)
    })

    it('end with the first that fails, after those before it, and cancel the rest', async () => {
      const stopped = gate()
      script = async ([text = ''], signal) => {
        if (text === 'last') {
          signal.addEventListener('abort', () => stopped.resolve())
          return answerAfter(20_000, '', signal)
        }
        return text === 'bad' ? '' : text
      }
      const call = send('Sort', ['a', 'b', 'bad', 'last'])
      assert.deepEqual(words(await call.rest()), ['a', 'b'])
      const { error, trailers } = await call.ended
      assert.equal(error?.reason, 'ANSWER_INVALID')
      assert.equal(error?.info?.metadata['request'], '3')
      assert.match(trailers['deed-operation'] ?? '', /^operations\//)
      await stopped.promise
      await within(5_000, async () => assert.equal(await count(deed.db, 'lease'), 0))
    })

    it('refuse a request that breaks a rule by its number, and two keys for one operation', async () => {
      const call = send('Sort', ['a', ''])
      assert.deepEqual(words(await call.rest()), ['a'])
      const { error } = await call.ended
      assert.deepEqual([error?.reason, error?.info?.metadata['request']], ['REQUEST_INVALID', '2'])
      const twice = open('Sort', { metadata: { 'idempotency-key': 'two' } })
      twice.send(bytes('a', 'one'))
      twice.end()
      assert.deepEqual(await twice.rest(), [])
      assert.equal((await twice.ended).error?.reason, 'IDEMPOTENCY_KEY_INVALID')
    })

    it('take request_id as the key of an operation', async () => {
      for (const replayed of ['false', 'true']) {
        const call = open('Sort')
        call.send(bytes('a', 'mine'))
        call.end()
        assert.deepEqual(words(await call.rest()), ['a'])
        assert.equal((await call.ended).trailers['deed-replayed'], replayed)
      }
    })

    it('cancel what runs when the caller leaves, and keep what has a key', async () => {
      const [started, more] = [gate(), gate()]
      script = async ([text = '']) => {
        started.resolve()
        await more.promise
        return text
      }
      const call = open('Sort', { metadata: { 'idempotency-key': 'kept' } })
      call.send(bytes('a'))
      await started.promise
      call.cancel()
      assert.equal((await call.ended).error?.code, codes.CANCELLED)
      more.resolve()
      const again = send('Sort', ['a'], { metadata: { 'idempotency-key': 'kept' } })
      assert.deepEqual(words(await again.rest()), ['a'])
      assert.equal((await again.ended).trailers['deed-replayed'], 'true')
    })

    it('is answered to the last and then told to go elsewhere when the replica drains', async () => {
      const other = await deed.replica()
      const [started, more] = [gate(), gate()]
      script = async ([text = '']) => {
        started.resolve()
        await more.promise
        return text
      }
      const call = openStream(other.client, client.path('Sort'), {
        key: client.key,
        metadata: { 'idempotency-key': 'd' },
      })
      call.send(bytes('a'))
      await started.promise
      const drained = other[Symbol.asyncDispose]()
      await call.rest()
      const { error } = await call.ended
      assert.deepEqual([error?.code, error?.reason], [codes.UNAVAILABLE, 'SHUTTING_DOWN'])
      more.resolve()
      await drained
      assert.deepEqual(words(await send('Sort', ['a'], { metadata: { 'idempotency-key': 'd' } }).rest()), ['a'])
    })
  })

  it('may have another shape in another project, on the same path', async () => {
    const other = await deed.addProject()
    const unary = await deed.publish(
      proto(`rpc Sort(SortRequest) returns (SortResponse); rpc Sum(SortRequest) returns (stream SortResponse);`),
      { key: other.adminKey },
    )
    const { response, trailers } = await unary.call('Sort', { text: 'one' })
    assert.deepEqual(response, { word: 'one' })
    assert.match(trailers['deed-operation'] ?? '', /^operations\//)
    assert.deepEqual(words(await send('Sort', ['a', 'b']).rest()), ['a', 'b'])
    // Unary clients of the project whose method is a stream get one response, or none.
    const { response: only } = await client.call('Sort', { text: 'one' })
    assert.deepEqual(only, { word: 'one' })
  })
})

function textsIn(json: unknown): string[] {
  const requests = json instanceof Object && 'requests' in json ? json.requests : [json]
  if (!Array.isArray(requests)) return []
  return requests.map((each: unknown) => (each instanceof Object && 'text' in each ? String(each.text) : ''))
}
