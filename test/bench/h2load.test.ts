import assert from 'node:assert/strict'
import { readLog, readSummary } from '../../bench/h2load.ts'

const output = `starting benchmark...
Application protocol: h2c
Main benchmark duration is over for thread #0. Stopping all clients.

finished in 1.00s, 19916.00 req/s, 585.33KB/s
requests: 19916 total, 19932 started, 19916 done, 19916 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 19920 2xx, 0 3xx, 0 4xx, 0 5xx
`

describe('h2load', () => {
  it('reads the rate and the failed requests of a run', () => {
    assert.deepEqual(readSummary(output), { rate: 19_916, failed: 0 })
    const failed = output.replace('0 failed, 0 errored, 0 timeout', '3 failed, 2 errored, 1 timeout')
    assert.deepEqual(readSummary(failed), { rate: 19_916, failed: 4 })
  })

  it('refuses output that it does not understand', () => {
    assert.throws(() => readSummary('unknown option'), /not understood/)
  })

  it('reads the latencies from the log, sorted, without those of failed requests', () => {
    const { calls, latencies, failed } = readLog(
      '1795401982855017\t200\t1200\n1795401982855018\t200\t800\n1795401982855019\t-1\t90\n',
    )
    assert.deepEqual([...latencies], [800, 1200])
    assert.deepEqual([calls, failed], [2, 1])
  })

  it('leaves out the latencies of calls that were answered while it warmed up, but counts them', () => {
    const log = '1000000\t200\t400000\n1400000\t200\t600001\n1500000\t200\t499999\n2100000\t200\t700\n'
    const { calls, latencies } = readLog(log, 1)
    assert.deepEqual([...latencies], [700, 600_001])
    assert.equal(calls, 4)
  })

  it('reads an empty log', () => {
    assert.deepEqual(readLog(''), { calls: 0, latencies: new Float64Array(), failed: 0 })
  })
})
