import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { createOpenAi } from '../../src/models/providers/openai.ts'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { FakeOpenAI } from '../support/fake-openai.ts'
import type { FakeScript } from '../support/fake-vendor.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'
import { openStream } from '../support/stream.ts'

const source = `
syntax = "proto3"; package test.leave.v1;
import "deed/v1/annotations.proto";
service LeaveService {
  rpc Anthropic(Text) returns (Text) { option (deed.v1.method) = {models: ["anthropic/one"]}; }
  rpc AnthropicList(Text) returns (stream Text) { option (deed.v1.method) = {models: ["anthropic/one"]}; }
  rpc Openai(Text) returns (Text) { option (deed.v1.method) = {models: ["openai/one"]}; }
  rpc OpenaiList(Text) returns (stream Text) { option (deed.v1.method) = {models: ["openai/one"]}; }
}
message Text { string text = 1; }
`

describe('a caller that leaves', () => {
  const stack = new AsyncDisposableStack()
  let script: FakeScript = {}
  let deed: TestDeed
  let contract: ContractClient

  before(async () => {
    const respond = () => script
    const anthropic = stack.use(await new FakeAnthropic({ respond }).start())
    const openai = stack.use(await new FakeOpenAI({ respond }).start())
    deed = stack.use(
      await startDeed(
        new Map([
          ['anthropic', createAnthropic({ apiKey: 'key', baseUrl: anthropic.url })],
          ['openai', createOpenAi({ apiKey: 'key', baseUrl: openai.url })],
        ]),
      ),
    )
    contract = await deed.publish({ 'test/leave/v1/leave.proto': source })
  })
  beforeEach(() => deed.db.pool.query('truncate completion'))
  after(() => stack.disposeAsync())

  function open(method: string, deadlineMs: number, key?: string) {
    const metadata: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
    const call = openStream(deed.client, contract.path(method), { key: contract.key, metadata, deadlineMs })
    call.send(contract.encode(method, { text: 'a text' }))
    call.end()
    return call
  }

  /** The one row of the ledger, as soon as it is there. */
  async function completion(): Promise<{ outcome: string; input: number; output: number; code: number }> {
    let found: Awaited<ReturnType<typeof completion>> | undefined
    await within(5_000, async () => {
      const { rows } = await deed.db.pool.query(
        `select outcome, input_tokens as input, output_tokens as output, code
         from completion c join result r on r.id = c.operation_id and r.day = c.day`,
      )
      assert.equal(rows.length, 1)
      found = rows[0]
    })
    assert.ok(found)
    return found
  }

  for (const method of ['Anthropic', 'Openai'] as const) {
    it(`at its deadline, before ${method} answers anything, ends the completion, which is in the ledger`, async () => {
      script = { hang: true }
      const call = open(method, 300)
      assert.deepEqual(await call.rest(), [])
      assert.equal((await call.ended).error?.code, status.DEADLINE_EXCEEDED)
      assert.deepEqual(await completion(), { outcome: 'ABORTED', input: 0, output: 0, code: status.CANCELLED })
    })

    it(`once it has seen what ${method} has begun, is charged for that`, async () => {
      script = { json: { items: Array.from({ length: 20 }, (_, n) => ({ text: `item ${n}` })) }, tokenMs: 10 }
      const call = open(`${method}List`, 10_000)
      await call.next()
      call.cancel()
      await call.rest()
      assert.equal((await call.ended).error?.code, status.CANCELLED)
      const { outcome, input, output, code } = await completion()
      assert.deepEqual([outcome, code], ['ABORTED', status.CANCELLED])
      // Anthropic tells that at the start, OpenAI at the end.
      if (method === 'Anthropic') assert.ok(input === 100 && output >= 1, `${input} ${output}`)
    })

    it(`at its deadline finds the answer of ${method} under its key`, async () => {
      script = { json: { text: 'an answer in its own time' }, tokenMs: 50 }
      const key = randomUUID()
      const hurried = open(method, 200, key)
      await hurried.rest()
      assert.equal((await hurried.ended).error?.code, status.DEADLINE_EXCEEDED)
      const patient = open(method, 10_000, key)
      const [response = Buffer.alloc(0)] = await patient.rest()
      assert.deepEqual(contract.decode(method, response), { text: 'an answer in its own time' })
      assert.deepEqual(await completion(), { outcome: 'VALID', input: 100, output: 20, code: status.OK })
    })
  }
})
