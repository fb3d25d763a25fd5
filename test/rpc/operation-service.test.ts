import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { CompletionOutcome, OperationState } from '../../gen/deed/v1/operation.ts'
import {
  type ListOperationsRequest,
  OperationServiceService as operations,
} from '../../gen/deed/v1/operation_service.ts'
import { Status } from '../../gen/google/rpc/status.ts'
import type { Provider } from '../../src/models/provider.ts'
import { ModelError } from '../../src/models/provider.ts'
import { refusal } from '../support/call.ts'
import { answerAfter, gate, type Script, scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'

const source = {
  'test/list/v1/list.proto': `
syntax = "proto3";
package test.list.v1;
import "deed/v1/annotations.proto";
service OneService {
  option (deed.v1.service) = {models: ["test/one"], max_failures: 1, max_repairs: 1};
  rpc Say(Text) returns (Text);
  rpc Also(Text) returns (Text);
  rpc Priced(Text) returns (Text) { option (deed.v1.method).models = "anthropic/claude-haiku-4-5"; }
  rpc Retried(Text) returns (Text) { option (deed.v1.method).max_failures = 2; }
}
service TwoService {
  rpc Say(Text) returns (Text);
}
message Text { string text = 1; }
`,
}

const [one, two] = ['test.list.v1.OneService', 'test.list.v1.TwoService']
const states = {
  running: OperationState.OPERATION_STATE_RUNNING,
  waiting: OperationState.OPERATION_STATE_WAITING,
  succeeded: OperationState.OPERATION_STATE_SUCCEEDED,
  failed: OperationState.OPERATION_STATE_FAILED,
  cancelled: OperationState.OPERATION_STATE_CANCELLED,
}

describe('OperationService', () => {
  let deed: TestDeed
  let contract: ContractClient
  let script: Script
  const model = scripted((request, signal) => script(request, signal))
  /** A vendor whose prices are known. */
  const priced: Provider = async function* () {
    yield { kind: 'text', text: '{"text":"dear"}' }
    const usage = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 10_000, cacheWriteTokens: 0 }
    yield { kind: 'end', stop: 'complete', usage, providerRequestId: 'req_7' }
  }

  before(async () => {
    deed = await startDeed(new Map([...model.providers, ['anthropic', priced]]))
    contract = await deed.publish(source)
  })

  beforeEach(() => {
    script = () => '{"text":"fine"}'
  })

  after(() => deed[Symbol.asyncDispose]())

  async function call(method: string, key = contract.key): Promise<string> {
    return (await contract.call(method, { text: 'x' }, { key })).trailers['deed-operation'] ?? ''
  }

  async function get(name: string, key = deed.project.adminKey) {
    const { response } = await deed.call(operations.getOperation, { name }, { key })
    assert.ok(response.operation)
    return response.operation
  }

  async function list(filter: Partial<ListOperationsRequest>, key = deed.project.adminKey) {
    const all = {
      pageSize: 0,
      pageToken: '',
      contract: '',
      method: '',
      state: OperationState.OPERATION_STATE_UNSPECIFIED,
      filter: '',
      orderBy: '',
    }
    const { response } = await deed.call(operations.listOperations, { ...all, ...filter }, { key })
    return {
      names: response.operations.map(({ name }) => name),
      next: response.nextPageToken,
      all: response.operations,
    }
  }

  it('shows what was asked and answered, by which model, at what cost', async () => {
    const before = Date.now()
    const how = { metadata: { 'idempotency-key': 'shown' } }
    const { trailers } = await contract.call('Priced', { text: 'what?' }, how)
    const operation = await get(trailers['deed-operation'] ?? '')
    const { acceptTime, settleTime, completions, request, result, ...rest } = operation
    assert.deepEqual(rest, {
      name: trailers['deed-operation'],
      contractVersion: `contracts/${one}/versions/1`,
      method: `${one}/Priced`,
      state: states.succeeded,
      idempotencyKey: 'shown',
      attempts: 1,
      model: 'anthropic/claude-haiku-4-5',
      // 1,000 tokens at $1, 100 at $5 and 10,000 from the cache at $0.1 per million.
      costMicroUsd: 2_500n,
      retryOf: '',
      cachedFrom: '',
      requests: [],
      itemCount: 0,
    })
    assert.equal(request?.typeUrl, 'type.googleapis.com/test.list.v1.Text')
    assert.deepEqual(contract.decode(`${one}/Priced`, request.value), { text: 'what?' })
    assert.ok(result?.$case === 'response')
    assert.equal(result.value.typeUrl, 'type.googleapis.com/test.list.v1.Text')
    assert.deepEqual(contract.decode(`${one}/Priced`, result.value.value), { text: 'dear' })
    assert.ok(acceptTime && settleTime && acceptTime <= settleTime && Math.abs(acceptTime.getTime() - before) < 60_000)
    const [completion, ...others] = completions
    assert.deepEqual(others, [])
    assert.ok(completion?.latency && completion.startTime)
    const { latency, startTime, ...row } = completion
    assert.deepEqual(row, {
      attempt: 1,
      sequence: 1,
      model: 'anthropic/claude-haiku-4-5',
      outcome: CompletionOutcome.COMPLETION_OUTCOME_VALID,
      inputTokens: 1_000,
      outputTokens: 100,
      cacheReadTokens: 10_000,
      cacheWriteTokens: 0,
      costMicroUsd: 2_500n,
      providerRequestId: 'req_7',
      usageEstimated: false,
    })
  })

  it('shows each completion of each attempt, and no cost where a price is unknown', async () => {
    const answers = [() => '{"tex":1}', () => Promise.reject(new ModelError('unavailable', 'busy')), () => '{}']
    script = () => answers.shift()?.() ?? '{}'
    const { completions, attempts, costMicroUsd, state } = await get(
      (await contract.call('Retried', {}, { metadata: { 'idempotency-key': 'retried' } })).trailers['deed-operation'] ??
        '',
    )
    assert.deepEqual([attempts, costMicroUsd, state], [2, undefined, states.succeeded])
    assert.deepEqual(
      completions.map(({ attempt, sequence, outcome }) => [attempt, sequence, outcome]),
      [
        [1, 1, CompletionOutcome.COMPLETION_OUTCOME_INVALID],
        [1, 2, CompletionOutcome.COMPLETION_OUTCOME_FAILED],
        [2, 1, CompletionOutcome.COMPLETION_OUTCOME_VALID],
      ],
    )
  })

  it('shows why there is no answer', async () => {
    script = () => '{"tex":1}'
    const refused = await refusal(call('Say'))
    const operation = await get(refused.trailers['deed-operation'] ?? '')
    assert.equal(operation.state, states.failed)
    assert.ok(operation.result?.$case === 'error')
    assert.deepEqual(
      Status.encode(operation.result.value).finish(),
      Status.encode(refused.status ?? Status.create()).finish(),
    )
    assert.equal(operation.completions.length, 2)
  })

  it('lists by contract, by method in both forms, and by state', async () => {
    const { adminKey: key } = await deed.addProject()
    await deed.publish(source, { key })
    const made: string[] = []
    for (const method of [`${one}/Say`, `${two}/Say`, `${one}/Also`]) made.unshift(await call(method, key))
    script = () => '{"tex":1}'
    const failed = (await refusal(call(`${one}/Say`, key))).trailers['deed-operation'] ?? ''
    const finish = gate<string>()
    const started = gate()
    script = () => {
      started.resolve()
      return finish.promise
    }
    const running = call(`${two}/Say`, key)
    await started.promise
    const [newest = ''] = (await list({ pageSize: 1 }, key)).names
    const [also = '', twoSay = '', oneSay = ''] = made

    assert.deepEqual((await list({}, key)).names, [newest, failed, also, twoSay, oneSay])
    const expected: [Partial<ListOperationsRequest>, string[]][] = [
      [{ contract: `contracts/${one}` }, [failed, also, oneSay]],
      [{ contract: `contracts/${two}` }, [newest, twoSay]],
      [{ contract: 'contracts/test.none' }, []],
      [{ method: 'Say' }, [newest, failed, twoSay, oneSay]],
      [{ method: `${one}/Say` }, [failed, oneSay]],
      [{ method: 'Also', contract: `contracts/${two}` }, []],
      [{ method: `${one}/Say`, contract: `contracts/${two}` }, []],
      [{ state: states.running }, [newest]],
      [{ state: states.succeeded }, [also, twoSay, oneSay]],
      [{ state: states.failed }, [failed]],
      [{ state: states.cancelled }, []],
      [{ state: states.succeeded, method: 'Say', contract: `contracts/${one}` }, [oneSay]],
    ]
    for (const [filter, names] of expected)
      assert.deepEqual((await list(filter, key)).names, names, JSON.stringify(filter))
    const unfinished = (await list({ state: states.running }, key)).all[0]
    assert.deepEqual([unfinished?.result, unfinished?.settleTime, unfinished?.attempts], [undefined, undefined, 1])
    finish.resolve('{}')
    assert.equal(await running, newest)
    assert.deepEqual((await list({ state: states.running }, key)).names, [])
  })

  it('shows what was cancelled and what waits for its next attempt', async () => {
    const started = gate()
    script = (_, signal) => {
      started.resolve()
      return answerAfter(20_000, '', signal)
    }
    const caller = new AbortController()
    const cancelled = refusal(contract.call(`${one}/Say`, {}, { signal: caller.signal }))
    await started.promise
    caller.abort()
    await cancelled
    await within(5_000, async () => assert.equal((await list({ state: states.cancelled })).names.length, 1))

    script = () => Promise.reject(new ModelError('unavailable', 'busy', { retryAfterMs: 60_000 }))
    const leave = new AbortController()
    const how = { metadata: { 'idempotency-key': 'waits' }, signal: leave.signal }
    const waiting = refusal(contract.call(`${one}/Retried`, {}, how))
    await within(5_000, async () => {
      const [operation] = (await list({ state: states.waiting })).all
      assert.deepEqual([operation?.idempotencyKey, operation?.completions.length], ['waits', 1])
    })
    leave.abort()
    await waiting
  })

  it('gives pages that stay whole while operations arrive', async () => {
    const { adminKey: key } = await deed.addProject()
    await deed.publish(source, { key })
    const made: string[] = []
    for (let n = 0; n < 7; n++) made.unshift(await call(`${one}/Say`, key))
    const seen: string[] = []
    let token = ''
    do {
      const page = await list({ pageSize: 3, pageToken: token }, key)
      seen.push(...page.names)
      token = page.next
      await call(`${one}/Say`, key)
    } while (token !== '')
    assert.deepEqual(seen, made)
    const first = await list({ pageSize: 1 }, key)
    for (const pageToken of ['!', `${first.next}A`, Buffer.from('abc').toString('base64url')]) {
      const refused = await refusal(list({ pageToken }, key))
      assert.deepEqual([refused.code, refused.reason], [status.INVALID_ARGUMENT, 'REQUEST_INVALID'], pageToken)
    }
    const dashes = Buffer.from('-'.repeat(36)).toString('base64url')
    assert.equal((await refusal(list({ pageToken: dashes }, key))).reason, 'REQUEST_INVALID')
  })

  it('shows nothing of another project, and refuses names that are none', async () => {
    const { adminKey: key } = await deed.addProject()
    const name = await call(`${one}/Say`)
    for (const refused of [
      await refusal(get(name, key)),
      await refusal(get('operations/01990000-0000-7000-8000-000000000000')),
    ]) {
      assert.deepEqual([refused.code, refused.reason], [status.NOT_FOUND, 'OPERATION_NOT_FOUND'])
    }
    assert.deepEqual((await list({}, key)).names, [])
    for (const bad of ['operations/1', name.toUpperCase(), '']) {
      assert.match((await refusal(get(bad))).violations.join(), /^name: /)
    }
    const filters = [{ contract: one }, { method: 'a b' }, { state: 99 as never }, { pageSize: -1 }]
    for (const filter of filters) assert.equal((await refusal(list(filter))).reason, 'REQUEST_INVALID')
  })
})
