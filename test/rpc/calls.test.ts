import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { OperationState } from '../../gen/deed/v1/operation.ts'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import type { CallWith } from '../support/call.ts'
import { refusal } from '../support/call.ts'
import { echo, echoProto } from '../support/echo.ts'
import { answerAfter, gate, type Script, scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'

describe('calls of a contract', () => {
  let deed: TestDeed
  let contract: ContractClient
  let script: Script
  const model = scripted((request, signal) => script(request, signal))

  before(async () => {
    deed = await startDeed(model.providers)
    contract = await deed.publish(echoProto)
  })

  beforeEach(() => {
    script = echo
  })

  after(() => deed[Symbol.asyncDispose]())

  const keyed = (key: string, how: CallWith = {}) => ({ ...how, metadata: { 'idempotency-key': key } })

  async function operationOf(trailers: Readonly<Record<string, string>>) {
    const name = trailers['deed-operation'] ?? ''
    const { response } = await deed.call(OperationServiceService.getOperation, { name })
    assert.ok(response.operation)
    return response.operation
  }

  /** The newest operation, as soon as it has ended. */
  async function ended(state: OperationState) {
    await within(5_000, async () => {
      const request = {
        pageSize: 1,
        pageToken: '',
        contract: '',
        method: '',
        state: 0 as const,
        filter: '',
        orderBy: '',
      }
      const { response } = await deed.call(OperationServiceService.listOperations, request)
      assert.equal(response.operations[0]?.state, state)
    })
  }

  it('answers, and says in the trailers what answered', async () => {
    const { response, trailers } = await contract.call('Echo', { text: 'hello' })
    assert.deepEqual(response, { text: 'hello' })
    assert.match(trailers['deed-operation'] ?? '', /^operations\/[0-9a-f-]{36}$/)
    assert.equal(trailers['deed-contract-version'], 'contracts/test.echo.v1.EchoService/versions/1')
    assert.equal(trailers['deed-model'], 'test/one')
    assert.equal(trailers['deed-replayed'], 'false')
    const operation = await operationOf(trailers)
    assert.equal(operation.state, OperationState.OPERATION_STATE_SUCCEEDED)
    assert.ok(operation.result?.$case === 'response')
    assert.deepEqual(contract.decode('Echo', operation.result.value.value), { text: 'hello' })
  })

  it('joins a key that is being worked on, here or on another replica, and replays it afterwards', async () => {
    await using second = await deed.replica()
    const finish = gate<string>()
    script = () => finish.promise
    const before = model.calls()
    const first = contract.call('Echo', { text: 'x' }, keyed('join'))
    await within(2_000, async () => assert.equal(model.calls(), before + 1))
    const joined = [contract, contract.at(second.call)].map((at) => at.call('Echo', { text: 'x' }, keyed('join')))
    finish.resolve('{"text":"once"}')
    const replies = await Promise.all([first, ...joined])
    replies.push(await contract.at(second.call).call('Echo', { text: 'x' }, keyed('join')))
    assert.deepEqual(
      replies.map(({ response, trailers }) => [response, trailers['deed-replayed']]),
      ['false', 'true', 'true', 'true'].map((replayed) => [{ text: 'once' }, replayed]),
    )
    assert.equal(new Set(replies.map(({ trailers }) => trailers['deed-operation'])).size, 1)
    assert.equal(model.calls(), before + 1)
  })

  it('replays to every principal of the project, and to no other project', async () => {
    const caller = await deed.keyFor('caller')
    const first = await contract.call('Echo', { text: 'mine' }, keyed('shared'))
    const same = await contract.call('Echo', { text: 'mine' }, keyed('shared', { key: caller }))
    assert.equal(same.trailers['deed-operation'], first.trailers['deed-operation'])
    const other = await deed.addProject()
    const theirs = await deed.publish(echoProto, { key: other.adminKey })
    const second = await theirs.call('Echo', { text: 'theirs' }, keyed('shared'))
    assert.deepEqual([second.response, second.trailers['deed-replayed']], [{ text: 'theirs' }, 'false'])
  })

  it('refuses a key with another request', async () => {
    const { trailers } = await contract.call('Echo', { text: 'a', counts: { x: 1, y: 2 } }, keyed('reuse'))
    await contract.call('Echo', { counts: { y: 2, x: 1 }, text: 'a' }, keyed('reuse'))
    const refused = await refusal(contract.call('Echo', { text: 'b' }, keyed('reuse')))
    assert.deepEqual([refused.code, refused.reason], [status.FAILED_PRECONDITION, 'IDEMPOTENCY_KEY_REUSED'])
    assert.equal(refused.info?.metadata['operation'], trailers['deed-operation'])
    assert.deepEqual(
      refused.preconditions.map(({ type, subject }) => [type, subject]),
      [['IDEMPOTENCY_KEY', trailers['deed-operation']]],
    )
    assert.equal(refused.retry, undefined)
  })

  it('says what the answer still broke after the repairs, and replays that', async () => {
    const before = model.calls()
    script = () => '{"text":"","extra":1}'
    const refused = await refusal(contract.call('Echo', { text: 'x' }, keyed('invalid')))
    assert.deepEqual([refused.code, refused.reason], [status.INTERNAL, 'ANSWER_INVALID'])
    assert.match(refused.violations.join(), /extra/)
    assert.equal(refused.trailers['deed-model'], 'test/one')
    assert.equal(model.calls(), before + 2)
    script = echo
    const again = await refusal(contract.call('Echo', { text: 'x' }, keyed('invalid')))
    assert.deepEqual(again.status, refused.status)
    assert.deepEqual(again.trailers, { ...refused.trailers, 'deed-replayed': 'true' })
    assert.equal(model.calls(), before + 2)
    script = () => '{"text":""}'
    assert.match((await refusal(contract.call('Echo', { text: 'x' }))).violations.join(), /^text: .*1 char/)
  })

  it('returns an answer that was repaired', async () => {
    script = ({ turns }) => (turns.length === 1 ? '{"text":""}' : '{"text":"repaired"}')
    const { response, trailers } = await contract.call('Echo', { text: 'x' })
    assert.deepEqual(response, { text: 'repaired' })
    assert.equal((await operationOf(trailers)).completions.length, 2)
  })

  it('ends work without a key with its caller: cancelled, or its deadline passed', async () => {
    for (const end of ['cancel', 'deadline']) {
      const started = gate()
      const stopped = gate()
      script = (_, signal) => {
        signal.addEventListener('abort', () => stopped.resolve())
        started.resolve()
        return answerAfter(20_000, '', signal)
      }
      const caller = new AbortController()
      const how = end === 'cancel' ? { signal: caller.signal } : { deadlineMs: 250 }
      const call = refusal(contract.call('Echo', { text: 'x' }, how))
      await started.promise
      caller.abort()
      await stopped.promise
      assert.equal((await call).code, end === 'cancel' ? status.CANCELLED : status.DEADLINE_EXCEEDED)
      await ended(OperationState.OPERATION_STATE_CANCELLED)
    }
  })

  it('goes on under a key when its caller leaves or its deadline passes', async () => {
    for (const end of ['cancel', 'deadline']) {
      const finish = gate<string>()
      const started = gate()
      let told = false
      script = (_, signal) => {
        signal.addEventListener('abort', () => (told = true))
        started.resolve()
        return finish.promise
      }
      const caller = new AbortController()
      const how = end === 'cancel' ? { signal: caller.signal } : { deadlineMs: 250 }
      const call = refusal(contract.call('Echo', { text: 'x' }, keyed(end, how)))
      await started.promise
      caller.abort()
      assert.equal((await call).code, end === 'cancel' ? status.CANCELLED : status.DEADLINE_EXCEEDED)
      finish.resolve('{"text":"late"}')
      const { response, trailers } = await contract.call('Echo', { text: 'x' }, keyed(end))
      assert.deepEqual([response, trailers['deed-replayed'], told], [{ text: 'late' }, 'true', false])
    }
  })

  it('does not start work for a deadline that has passed', async () => {
    const before = model.calls()
    const refused = await refusal(contract.call('Echo', { text: 'x' }, { deadlineMs: -1 }))
    assert.equal(refused.code, status.DEADLINE_EXCEEDED)
    assert.equal(model.calls(), before)
  })

  it('keeps unknown fields of a request in what is stored, and shows them to no model', async () => {
    const secret = 'a field of a later version'
    // Field 99 of the request, and of a message in it.
    const field = (no: number, bytes: Buffer) => Buffer.concat([tag(no), Buffer.from([bytes.length]), bytes])
    const unknown = field(99, Buffer.from(secret))
    const request = Buffer.concat([contract.encode('Echo', { text: 'x' }), field(2, unknown), unknown])
    let shown = ''
    script = (asked) => {
      shown = JSON.stringify(asked.turns) + asked.system
      return '{"text":"fine"}'
    }
    const { trailers } = await contract.send('Echo', request, keyed('unknown'))
    assert.ok(!shown.includes(secret))
    assert.match(shown, /items/)
    const { request: stored } = await operationOf(trailers)
    assert.equal(stored?.typeUrl, 'type.googleapis.com/test.echo.v1.EchoRequest')
    assert.deepEqual(Buffer.from(stored?.value ?? []), request)
    // They are part of what was asked.
    const less = await refusal(contract.call('Echo', { text: 'x', items: [{}] }, keyed('unknown')))
    assert.equal(less.reason, 'IDEMPOTENCY_KEY_REUSED')
  })

  it('answers many at once, each its own', async () => {
    const texts = Array.from({ length: 200 }, (_, index) => `text ${index}`)
    const replies = await Promise.all(texts.map((text) => contract.call('Echo', { text })))
    assert.deepEqual(
      replies.map(({ response }) => response),
      texts.map((text) => ({ text })),
    )
  })
})

/** The tag of a length-delimited field with a number from 1 to 255. */
function tag(no: number): Buffer {
  const value = (no << 3) | 2
  return value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, value >> 7])
}
