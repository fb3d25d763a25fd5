import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { refusal } from '../../support/call.ts'
import { echo, echoProto } from '../../support/echo.ts'
import { answerAfter, type Script, scripted } from '../../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../../support/server.ts'

const concurrency = 3
const requestsPerMinute = 25

describe('the limits of a model that two replicas ask', () => {
  let one: TestDeed
  let two: TestDeed
  let contract: ContractClient
  let running = 0
  let most = 0
  const script: Script = async (request, signal) => {
    running++
    most = Math.max(most, running)
    try {
      return await answerAfter(20, echo(request), signal)
    } finally {
      running--
    }
  }
  const model = scripted(script)

  before(async () => {
    const limits = { requestsPerMinute, tokensPerMinute: null, concurrency }
    one = await startDeed(model.providers, { models: new Map([['test/one', { limits }]]) })
    two = await one.replica()
    contract = await one.publish(echoProto)
  })

  after(async () => {
    await two[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
  })

  it('hold on both together, whatever comes at once', async () => {
    // The other replica hears of a contract within a second.
    await within(5_000, async () => void (await contract.at(two.call).call('Echo', { text: 'a' })))
    const calls = Array.from({ length: 40 }, (_, n) =>
      contract.at((n % 2 ? one : two).call).call('Echo', { text: 'a' }),
    )
    const results = await Promise.allSettled(calls)
    const answered = results.filter((result) => result.status === 'fulfilled').length
    assert.equal(model.calls(), requestsPerMinute)
    assert.equal(answered, requestsPerMinute - 1)
    assert.ok(most <= concurrency, String(most))
  })

  it('are told to the caller who got no place', async () => {
    const error = await refusal(contract.call('Echo', { text: 'a' }))
    assert.deepEqual([error.code, error.reason], [status.ABORTED, 'MODELS_EXHAUSTED'])
    assert.equal(error.message, 'ABORTED: every model failed: test/one: its limit requests_per_minute is reached')
    assert.equal(model.calls(), requestsPerMinute)
  })
})
