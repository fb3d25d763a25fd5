import assert from 'node:assert/strict'
import { UsageDimension as By, Usage } from '../../gen/deed/v1/usage.ts'
import { QueryUsageRequest, QueryUsageResponse } from '../../gen/deed/v1/usage_service.ts'
import { type FakeDeed, fakeDeed } from '../support/fake-deed.ts'
import { type Ended, runCommandHere } from '../support/run-deed.ts'

const asOf = new Date('2026-01-31T09:30:00Z')
const one = Usage.fromPartial({
  ...{
    method: 'acme.v1.Tickets/Triage',
    model: 'anthropic/claude-sonnet-4-5',
    completions: 12n,
    validCompletions: 12n,
  },
  ...{ inputTokens: 3_400n, outputTokens: 560n, cacheReadTokens: 9_007_199_254_740_993n, costMicroUsd: 1_234_500n },
})
const two = Usage.fromPartial({
  ...{ method: 'acme.v1.Tickets/Triage', model: 'openai/next', completions: 3n, failedCompletions: 3n },
  ...{ inputTokens: 30n, unpricedCompletions: 2n, estimatedCompletions: 1n, costMicroUsd: 1n },
})

describe('deed usage', () => {
  let deed: FakeDeed
  let rows: Usage[] = []

  before(async () => {
    const queryUsage = ({ pageToken }: QueryUsageRequest): QueryUsageResponse => {
      const first = pageToken === ''
      const usage = first ? rows.slice(0, 1) : rows.slice(1)
      return QueryUsageResponse.fromPartial({ usage, nextPageToken: first && rows.length > 1 ? 'next' : '', asOf })
    }
    deed = await fakeDeed({ QueryUsage: queryUsage })
  })
  beforeEach(() => {
    deed.received.length = 0
  })
  after(() => deed[Symbol.asyncDispose]())

  const run = (...args: string[]): Promise<Ended> =>
    runCommandHere(['usage', ...args], { DEED_ADDRESS: deed.address, DEED_KEY: 'key' })

  it('prints a table with a total, and how far it has counted', async () => {
    rows = [one, two]
    const { code, stdout, stderr } = await run()
    assert.equal(code, 0, stderr)
    assert.equal(
      stdout,
      `METHOD                  MODEL                        COMPLETIONS  IN    OUT  CACHE READ        CACHE WRITE  COST
acme.v1.Tickets/Triage  anthropic/claude-sonnet-4-5           12  3400  560  9007199254740993            0  $1.234500
acme.v1.Tickets/Triage  openai/next                            3    30    0                 0            0  $0.000001
total                                                         15  3430  560  9007199254740993            0  $1.234501
`,
    )
    assert.deepEqual(stderr.split('\n'), [
      'counted up to 2026-01-31T09:30:00.000Z; what came since follows within seconds',
      'completions whose price is unknown, not in the cost: 2',
      'completions that were cut off, with tokens that are an estimate: 1',
      '',
    ])
  })

  it('asks for what it is told to tell apart, in those days', async () => {
    rows = []
    const { stdout } = await run('--from', '2026-01-01', '--to', '2026-01-31', '--by', 'day,key, contract')
    assert.deepEqual(
      deed.received.map(({ request }) => request),
      [
        QueryUsageRequest.fromPartial({
          ...{ firstDay: '2026-01-01', lastDay: '2026-01-31', pageSize: 50 },
          groupBy: [By.USAGE_DIMENSION_DAY, By.USAGE_DIMENSION_API_KEY, By.USAGE_DIMENSION_CONTRACT],
        }),
      ],
    )
    assert.match(stdout, /^DAY {4}KEY {2}CONTRACT {2}COMPLETIONS .*\ntotal .* 0 .* \$0\.000000\n$/)
  })

  it('prints JSON, a line for each row', async () => {
    rows = [one, two]
    const { stdout, stderr } = await run('--json')
    const [first, second] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual([first.cacheReadTokens, first.costMicroUsd], ['9007199254740993', '1234500'])
    assert.equal(second.model, 'openai/next')
    assert.equal(stderr, '')
  })

  it('says what a day and a list look like', async () => {
    for (const [args, said] of [
      [['--from', '2026-02-30'], /It must be a day such as 2026-01-31\./],
      [['--by', 'day,user'], /It must be of contract, method, model, key, day, each once/],
      [['--by', 'day,day'], /each once/],
    ] as const) {
      const { code, stderr } = await run(...args)
      assert.equal(code, 2)
      assert.match(stderr, said)
    }
  })
})
