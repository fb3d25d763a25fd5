import assert from 'node:assert/strict'
import { modelsRun } from './models-run.ts'

describe('two models of which one fails half of the time', () => {
  it("answer every call, open and close a breaker, and the ledger is the vendors' own count", async () => {
    const { faults, calls, answerMs, breaker } = await modelsRun({ seconds: 3, rate: 100, seed: 7 })
    console.log(
      `      ${calls} calls, p50 ${answerMs.p50} ms, p99 ${answerMs.p99} ms; ${breaker['anthropic/flaky']?.join(', ')}`,
    )
    assert.deepEqual(faults, [])
  }).timeout(120_000)
})
