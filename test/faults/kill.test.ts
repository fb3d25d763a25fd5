import assert from 'node:assert/strict'
import { endProcesses } from '../support/deed-process.ts'
import { killRun } from './kill-run.ts'

const kills = 4
const callers = 16

describe('a server that is killed under load', () => {
  afterEach(endProcesses)

  it('keeps every promise on its own data folder, and when it is killed at its start', async () => {
    const { faults, operations, results } = await killRun({ kills, callers, storage: 'embedded' })
    assert.deepEqual(faults, [])
    assert.equal(results, operations)
  }).timeout(120_000)
})
