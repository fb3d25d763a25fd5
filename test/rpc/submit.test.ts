import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { OperationMetadata } from '../../gen/deed/v1/operation.ts'
import {
  OperationServiceService as operations,
  type SubmitOperationRequest,
} from '../../gen/deed/v1/operation_service.ts'
import { OperationsService as lro } from '../../gen/google/longrunning/operations.ts'
import { readStatus } from '../../src/errors/status-details.ts'
import { type CallWith, refusal } from '../support/call.ts'
import { long, longProto } from '../support/long.ts'
import { answerAfter, type Script, scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed } from '../support/server.ts'

describe('submitting operations', () => {
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

  const item = (request: object, idempotencyKey = '', method = `${long}/Ask`): SubmitOperationRequest => ({
    method,
    request,
    idempotencyKey,
  })
  const submit = async (of: SubmitOperationRequest, how: CallWith = {}) =>
    (await deed.call(operations.submitOperation, of, how)).response
  const batch = async (requests: SubmitOperationRequest[], how: CallWith = {}) =>
    (await deed.call(operations.batchSubmitOperations, { requests }, how)).response.outcomes
  const ended = async (name = '') => (await deed.call(lro.waitOperation, { name, timeout: undefined })).response
  const retry = async (name: string, idempotencyKey = '') =>
    (await deed.call(operations.retryOperation, { name, idempotencyKey })).response

  it('takes a method by its name and a request as JSON', async () => {
    const { operation, replayed } = await submit(item({ text: 'x', big: '9007199254740993' }))
    assert.deepEqual([operation?.done, replayed], [false, false])
    const { response } = await deed.call(operations.getOperation, { name: operation?.name ?? '' })
    const { result } = await ended(operation?.name)
    assert.ok(result?.$case === 'response')
    assert.deepEqual(contract.decode('Ask', result.value.value), { text: 'done' })
    assert.equal(response.operation?.method, `${long}/Ask`)
    assert.deepEqual(
      [...(response.operation?.request?.value ?? [])],
      [...contract.encode('Ask', { text: 'x', big: '9007199254740993' })],
    )
  })

  it('says what is wrong with a request, in the words of its JSON or of its contract', async () => {
    const refusals: [object, RegExp][] = [
      [{ tex: 'x' }, /^request: has no field "tex"$/],
      [{ text: 1, big: 'x' }, /^request.text: must be a string,request.big: must be an integer/],
      [{ big: 2 ** 60 }, /^request.big: /],
      [{ text: 'x'.repeat(21) }, /^request.text: /],
    ]
    for (const [request, violations] of refusals) {
      const refused = await refusal(submit(item(request)))
      assert.deepEqual([refused.code, refused.reason], [status.INVALID_ARGUMENT, 'REQUEST_INVALID'])
      assert.match(refused.violations.join(), violations)
    }
    for (const method of [`${long}/None`, 'a.B/C']) {
      const unknown = await refusal(submit(item({}, '', method)))
      assert.deepEqual([unknown.code, unknown.reason], [status.NOT_FOUND, 'METHOD_NOT_FOUND'])
      assert.deepEqual(unknown.info?.metadata, { method })
    }
  })

  it('has one key, wherever it is said', async () => {
    const first = await submit(item({ text: 'x' }, 'one'))
    const others = [
      await submit(item({ text: 'x' }), { metadata: { 'idempotency-key': 'one' } }),
      await submit(item({ text: 'x' }, 'one'), { metadata: { 'idempotency-key': 'one' } }),
    ]
    for (const { operation, replayed } of others)
      assert.deepEqual([operation?.name, replayed], [first.operation?.name, true])
    for (const refused of [
      await refusal(submit(item({ text: 'x' }, 'one'), { metadata: { 'idempotency-key': 'two' } })),
      await refusal(submit(item({ text: 'x', request_id: 'two' }, 'one'))),
      await refusal(submit(item({ text: 'x' }, ' '))),
    ]) {
      assert.equal(refused.reason, 'IDEMPOTENCY_KEY_INVALID')
    }
    assert.equal((await refusal(submit(item({ text: 'y' }, 'one')))).reason, 'IDEMPOTENCY_KEY_REUSED')
  })

  it('accepts a thousand at once, each with an outcome of its own', async () => {
    const requests = Array.from({ length: 1_000 }, (_, n) => item({ text: `${n}` }, `batch-${n}`))
    requests[10] = item({ tex: 'x' }, 'batch-10')
    requests[20] = item({ text: '21' }, 'batch-21', `${long}/Ask`)
    requests[30] = item({ text: 'other' }, 'batch-31')
    requests[40] = item({}, '', 'a.B/C')
    const outcomes = await batch(requests)
    const reasons = outcomes.flatMap(({ outcome }) =>
      outcome?.$case === 'error' ? [readStatus(outcome.value).reason] : [],
    )
    assert.deepEqual(reasons, ['REQUEST_INVALID', 'IDEMPOTENCY_KEY_REUSED', 'METHOD_NOT_FOUND'])
    const names = outcomes.map(({ outcome }) => (outcome?.$case === 'operation' ? outcome.value.name : ''))
    assert.equal(names[20], names[21])
    assert.equal(new Set(names.filter(Boolean)).size, 996)
    await ended(names[999])
    const again = await batch(requests.slice(100))
    assert.deepEqual(
      again.map(({ replayed }) => replayed),
      new Array(900).fill(true),
    )
    assert.deepEqual(
      again.map(({ outcome }) => outcome?.$case === 'operation' && outcome.value.name),
      names.slice(100),
    )
    const keyed = await refusal(batch([item({})], { metadata: { 'idempotency-key': 'x' } }))
    assert.equal(keyed.reason, 'IDEMPOTENCY_KEY_INVALID')
    assert.equal((await refusal(batch([]))).reason, 'REQUEST_INVALID')
  })

  it('keeps a batch of long answers below what clients take', async () => {
    script = () => JSON.stringify({ text: 'x'.repeat(400_000) })
    const requests = Array.from({ length: 12 }, (_, n) => item({ text: `${n}` }, `large-${n}`))
    const names = (await batch(requests)).map(({ outcome }) =>
      outcome?.$case === 'operation' ? outcome.value.name : '',
    )
    for (const name of names) await ended(name)
    const outcomes = await batch(requests)
    const operationsOf = outcomes.flatMap(({ outcome }) => (outcome?.$case === 'operation' ? [outcome.value] : []))
    assert.ok(operationsOf.every(({ done }) => done))
    const withResult = operationsOf.filter(({ result }) => result)
    assert.ok(withResult.length >= 6 && withResult.length < 12)
  })

  it('retries what has ended, as a new operation of the active version', async () => {
    script = () => '{"tex":1}'
    const { trailers } = await refusal(contract.call('Ask', { text: 'again', requestId: 'first' }))
    const name = trailers['deed-operation'] ?? ''
    script = () => '{"text":"done"}'
    await deed.publish({ 'test/long/v1/long.proto': `${longProto['test/long/v1/long.proto']}\nmessage More {}\n` })
    const { operation, replayed } = await retry(name)
    assert.ok(operation && operation.name !== name && !replayed)
    const metadata = OperationMetadata.decode((await ended(operation.name)).metadata?.value ?? Buffer.alloc(0))
    assert.equal(metadata.retryOf, name)
    assert.equal(metadata.contractVersion, `contracts/${long}/versions/2`)
    const { response } = await deed.call(operations.getOperation, { name: operation.name })
    assert.deepEqual([response.operation?.retryOf, response.operation?.idempotencyKey], [name, ''])
    const keyed = [await retry(name, 'retry-1'), await retry(name, 'retry-1')]
    assert.equal(keyed[0]?.operation?.name, keyed[1]?.operation?.name)
    assert.deepEqual(
      keyed.map((each) => each.replayed),
      [false, true],
    )
    // The first call's key stays with the first.
    assert.equal((await refusal(retry(name, 'first'))).reason, 'IDEMPOTENCY_KEY_REUSED')
    assert.equal(
      (await refusal(retry('operations/01990000-0000-7000-8000-000000000000'))).reason,
      'OPERATION_NOT_FOUND',
    )
  })

  it('does not retry what has not ended', async () => {
    script = (_, signal) => answerAfter(30_000, '', signal)
    const { operation } = await submit(item({ text: 'x' }))
    const refused = await refusal(retry(operation?.name ?? ''))
    assert.deepEqual([refused.code, refused.reason], [status.FAILED_PRECONDITION, 'OPERATION_NOT_ENDED'])
    await deed.call(lro.cancelOperation, { name: operation?.name ?? '' })
    script = () => '{"text":"done"}'
    const again = await retry(operation?.name ?? '')
    assert.equal((await ended(again.operation?.name)).result?.$case, 'response')
  })
})
