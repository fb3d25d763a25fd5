import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { OperationMetadata, OperationState } from '../../gen/deed/v1/operation.ts'
import { OperationsService as lro, Operation } from '../../gen/google/longrunning/operations.ts'
import { type CallWith, refusal } from '../support/call.ts'
import { long, longProto } from '../support/long.ts'
import { answerAfter, gate, type Script, scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'

describe('long-running methods and google.longrunning.Operations', () => {
  let deed: TestDeed
  let contract: ContractClient
  let script: Script
  const model = scripted((request, signal) => script(request, signal))

  before(async () => {
    deed = await startDeed(model.providers)
    contract = await deed.publish(longProto)
  })

  beforeEach(() => {
    script = () => '{"text":"done"}'
  })

  after(() => deed[Symbol.asyncDispose]())

  async function begin(method: string, json: Record<string, string>, how: CallWith = {}) {
    const { response, trailers } = await contract.send(method, contract.encode(method, json), how)
    return { operation: Operation.decode(response), trailers }
  }

  const get = async (name: string) => (await deed.call(lro.getOperation, { name })).response
  const wait = (name: string, seconds?: number, how: CallWith = {}) =>
    deed.call(
      lro.waitOperation,
      {
        name,
        timeout:
          seconds === undefined ? undefined : { seconds: BigInt(Math.floor(seconds)), nanos: (seconds % 1) * 1e9 },
      },
      how,
    )

  /** A model that works until it is told. */
  function working(): { started: Promise<void>; finish: (text?: string) => void } {
    const [started, finish] = [gate(), gate<string>()]
    script = (_, signal) => {
      started.resolve()
      return Promise.race([finish.promise, answerAfter(30_000, '', signal)])
    }
    return { started: started.promise, finish: (text = '{"text":"done"}') => finish.resolve(text) }
  }

  it('answers at once, is waited for, and ends with the type of the contract', async () => {
    const { started, finish } = working()
    const { operation, trailers } = await begin('Work', { text: 'x' })
    assert.deepEqual([operation.done, operation.result], [false, undefined])
    assert.equal(trailers['deed-operation'], operation.name)
    assert.equal(trailers['deed-contract-version'], `contracts/${long}/versions/1`)
    assert.equal(trailers['deed-replayed'], 'false')
    assert.equal(operation.metadata?.typeUrl, 'type.googleapis.com/test.long.v1.WorkMetadata')
    await started
    const running = await get(operation.name)
    assert.equal(running.done, false)
    const waiting = wait(operation.name)
    finish()
    const { response: ended } = await waiting
    assert.equal(ended.done, true)
    assert.ok(ended.result?.$case === 'response')
    assert.equal(ended.result.value.typeUrl, 'type.googleapis.com/test.long.v1.WorkResponse')
    assert.equal(ended.result.value.value.toString('utf8', 2), 'done')
    assert.deepEqual(await get(operation.name), ended)
  })

  it('shows unary operations with the metadata of Deed', async () => {
    const { trailers } = await contract.call('Ask', { text: 'x' })
    const operation = await get(trailers['deed-operation'] ?? '')
    assert.equal(operation.metadata?.typeUrl, 'type.googleapis.com/deed.v1.OperationMetadata')
    const { acceptTime, settleTime, ...metadata } = OperationMetadata.decode(operation.metadata.value)
    assert.ok(acceptTime && settleTime && acceptTime <= settleTime)
    assert.deepEqual(metadata, {
      state: OperationState.OPERATION_STATE_SUCCEEDED,
      method: `${long}/Ask`,
      contractVersion: `contracts/${long}/versions/1`,
      attempts: 1,
      model: 'test/one',
      retryOf: '',
    })
  })

  it('ends in an error that the operation carries', async () => {
    script = () => '{"tex":1}'
    const { operation } = await begin('Plain', { text: 'x' })
    const { response } = await wait(operation.name)
    assert.ok(response.result?.$case === 'error')
    assert.equal(response.result.value.code, status.INTERNAL)
    assert.equal(response.metadata?.typeUrl, 'type.googleapis.com/google.protobuf.Struct')
  })

  it('replays a key as the operation stands', async () => {
    const { finish } = working()
    const how = { metadata: { 'idempotency-key': 'again' } }
    const first = await begin('Work', { text: 'x' }, how)
    const second = await begin('Work', { text: 'x' }, how)
    assert.deepEqual([second.operation.name, second.operation.done], [first.operation.name, false])
    assert.equal(second.trailers['deed-replayed'], 'true')
    finish()
    await wait(first.operation.name)
    const third = await begin('Work', { text: 'x' }, how)
    assert.ok(third.operation.result?.$case === 'response')
    assert.equal(third.trailers['deed-model'], 'test/one')
    const other = await refusal(begin('Work', { text: 'y' }, how))
    assert.equal(other.reason, 'IDEMPOTENCY_KEY_REUSED')
  })

  for (const method of ['Work', 'Ask']) {
    it(`takes a request_id for a key: ${method}`, async () => {
      const request = { text: 'x', requestId: 'e1' }
      const send = async (how: CallWith = {}, of = request) =>
        (await contract.send(method, contract.encode(method, of), how)).trailers
      const first = await send()
      const again = await send()
      const both = await send({ metadata: { 'idempotency-key': 'e1' } })
      assert.deepEqual([again['deed-replayed'], again['deed-operation']], ['true', first['deed-operation']])
      assert.deepEqual([both['deed-replayed'], both['deed-operation']], ['true', first['deed-operation']])
      for (const refused of [
        await refusal(send({ metadata: { 'idempotency-key': 'e2' } })),
        await refusal(send({}, { text: 'x', requestId: 'é' })),
        await refusal(send({}, { text: 'x', requestId: 'e'.repeat(256) })),
      ]) {
        assert.deepEqual([refused.code, refused.reason], [status.INVALID_ARGUMENT, 'IDEMPOTENCY_KEY_INVALID'])
        assert.match(refused.violations.join(), /^request_id: must be/)
      }
    })
  }

  it('waits no longer than the timeout or the deadline, whichever is shorter', async () => {
    const { started, finish } = working()
    const { operation } = await begin('Work', { text: 'x' })
    await started
    for (const [seconds, deadlineMs] of [
      [0, 20_000],
      [0.2, 20_000],
      [undefined, 2_000],
      [30, 2_000],
    ] as const) {
      const from = performance.now()
      const { response } = await wait(operation.name, seconds, { deadlineMs })
      const took = performance.now() - from
      assert.equal(response.done, false)
      const least = Math.min((seconds ?? 1e3) * 1_000, deadlineMs - 300)
      assert.ok(took >= least - 60 && took < 5_000, `${took} ms for ${seconds} s and ${deadlineMs} ms`)
    }
    finish()
    assert.equal((await wait(operation.name)).response.done, true)
    const refused = await refusal(wait(operation.name, -1))
    assert.match(refused.violations.join(), /^timeout: /)
  })

  it('cancels, once, and deletes what has ended', async () => {
    const { started } = working()
    const { operation } = await begin('Work', { text: 'x' })
    await started
    const unfinished = await refusal(deed.call(lro.deleteOperation, { name: operation.name }))
    assert.deepEqual([unfinished.code, unfinished.reason], [status.FAILED_PRECONDITION, 'OPERATION_NOT_ENDED'])
    assert.match(unfinished.details, /cancel it/)
    const waiting = wait(operation.name)
    await deed.call(lro.cancelOperation, { name: operation.name })
    const { response } = await waiting
    assert.ok(response.result?.$case === 'error')
    assert.equal(response.result.value.code, status.CANCELLED)
    await deed.call(lro.cancelOperation, { name: operation.name })
    assert.deepEqual(await get(operation.name), response)
    await deed.call(lro.deleteOperation, { name: operation.name })
    for (const gone of [
      await refusal(deed.call(lro.deleteOperation, { name: operation.name })),
      await refusal(deed.call(lro.cancelOperation, { name: operation.name })),
      await refusal(get(operation.name)),
    ]) {
      assert.deepEqual([gone.code, gone.reason], [status.NOT_FOUND, 'OPERATION_NOT_FOUND'])
    }
    assert.equal((await refusal(wait(operation.name))).reason, 'OPERATION_NOT_FOUND')
  })

  it('lists with a filter, in pages whose tokens are good for that filter', async () => {
    const { adminKey: key } = await deed.addProject()
    const theirs = await deed.publish(longProto, { key })
    const names: string[] = []
    for (const text of ['1', '2', '3']) {
      const { trailers } = await theirs.call('Ask', { text })
      names.unshift(trailers['deed-operation'] ?? '')
    }
    const list = async (filter: string, pageSize = 0, pageToken = '', name = 'operations') =>
      (await deed.call(lro.listOperations, { name, filter, pageSize, pageToken, returnPartialSuccess: false }, { key }))
        .response
    const all = await list('done = true AND method = Ask')
    assert.deepEqual(
      all.operations.map((each) => each.name),
      names,
    )
    assert.ok(all.operations.every(({ result }) => result?.$case === 'response'))
    const first = await list('state = SUCCEEDED', 2)
    const second = await list('state = OPERATION_STATE_SUCCEEDED', 2, first.nextPageToken)
    assert.deepEqual(
      second.operations.map((each) => each.name),
      names.slice(2),
    )
    assert.equal(second.nextPageToken, '')
    const other = await refusal(list('state = FAILED', 2, first.nextPageToken))
    assert.match(other.violations.join(), /^page_token: /)
    assert.equal((await refusal(list('state > FAILED'))).reason, 'FILTER_INVALID')
    for (const refused of [
      await refusal(list('', -1)),
      await refusal(list('', 1001)),
      await refusal(list('', 0, '', 'projects/x')),
      await refusal(list('a'.repeat(4097))),
      await refusal(deed.call(lro.getOperation, { name: 'operations/1' })),
    ]) {
      assert.equal(refused.reason, 'REQUEST_INVALID')
      assert.equal(refused.violations.length, 1)
    }
    assert.deepEqual((await list('', 0, '', '')).operations.length, 3)
  })

  it('serves thousands who wait with a few statements, and ends them when the replica drains', async () => {
    const other = await deed.replica()
    const { started, finish } = working()
    const { operation } = await begin('Work', { text: 'x' })
    await started
    const waiters = Array.from({ length: 1_000 }, () =>
      other.call(lro.waitOperation, { name: operation.name, timeout: undefined }),
    )
    const ended = Promise.allSettled(waiters)
    await within(10_000, async () => {
      const { response } = await other.call(lro.waitOperation, {
        name: operation.name,
        timeout: { seconds: 0n, nanos: 0 },
      })
      assert.equal(response.done, false)
    })
    await other[Symbol.asyncDispose]()
    const reasons = (await ended).map((each) => each.status === 'rejected' && each.reason)
    const codes = new Set(reasons.map((reason) => `${reason.code} ${reason.reason} ${reason.retry !== undefined}`))
    assert.deepEqual([...codes], [`${status.UNAVAILABLE} SHUTTING_DOWN true`])
    finish()
    const many = await Promise.all(Array.from({ length: 1_000 }, () => wait(operation.name)))
    assert.ok(many.every(({ response }) => response.done))
  })
})
