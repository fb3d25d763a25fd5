import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { OperationServiceService as operations } from '../../gen/deed/v1/operation_service.ts'
import { UsageDimension as By, type Usage } from '../../gen/deed/v1/usage.ts'
import { QueryUsageRequest, UsageServiceService } from '../../gen/deed/v1/usage_service.ts'
import { OperationsService as lro } from '../../gen/google/longrunning/operations.ts'
import { refusal } from '../support/call.ts'
import { long, longProto } from '../support/long.ts'
import { scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed } from '../support/server.ts'
import { rollUp } from '../support/usage.ts'

const {
  USAGE_DIMENSION_CONTRACT: contract,
  USAGE_DIMENSION_METHOD: method,
  USAGE_DIMENSION_MODEL: model,
  USAGE_DIMENSION_API_KEY: apiKey,
  USAGE_DIMENSION_DAY: day,
} = By
const today = new Date().toISOString().slice(0, 10)

describe('UsageService', () => {
  let deed: TestDeed
  let client: ContractClient
  /** By role, the name of a key that has made calls. */
  const names = new Map<string, string>()

  const query = async (request: Partial<QueryUsageRequest>, key = deed.project.adminKey) =>
    (await deed.call(UsageServiceService.queryUsage, QueryUsageRequest.fromPartial(request), { key })).response
  const counts = async (request: Partial<QueryUsageRequest>, ...of: (keyof Usage)[]) =>
    (await query(request)).usage.map((row) => of.map((field) => row[field]))

  /** One call in each way that there is, and their repetitions under other keys. */
  before(async () => {
    deed = await startDeed(
      scripted(({ method: { name } }) => (name === 'Plain' ? 'no JSON' : '{"text":"done"}')).providers,
    )
    client = await deed.publish(longProto)
    const secrets = new Map<string, string>()
    for (const role of ['caller', 'publisher'] as const) secrets.set(role, await deed.keyFor(role))
    const { rows } = await deed.db.pool.query<{ id: string; role: string }>(
      `select id, role from api_key where role <> 'admin'`,
    )
    for (const { id, role } of rows) names.set(role, `apiKeys/${id}`)
    const as = (role: string) => ({ key: secrets.get(role) ?? '' })

    await client.call('Ask', { text: 'x' }, as('caller'))
    // Joined: it is the first one's.
    await client.call('Ask', { text: 'k', requestId: 'k' }, as('caller'))
    await client.call('Ask', { text: 'k', requestId: 'k' }, as('publisher'))
    await client.send('Work', client.encode('Work', { text: 'x' }), as('caller'))
    const submitted = { method: `${long}/Work`, request: { text: 'y' }, idempotencyKey: '' }
    await deed.call(operations.submitOperation, submitted, as('caller'))
    const requests = [submitted, { ...submitted, method: `${long}/Plain` }]
    const { response } = await deed.call(operations.batchSubmitOperations, { requests }, as('caller'))
    const [first] = response.outcomes
    const name = first?.outcome?.$case === 'operation' ? first.outcome.value.name : ''
    await deed.call(lro.waitOperation, { name, timeout: undefined })
    // A retry is of who retries.
    await deed.call(operations.retryOperation, { name, idempotencyKey: '' }, as('publisher'))
    const { response: all } = await deed.call(lro.listOperations, { ...listing, pageSize: 100 })
    for (const { name } of all.operations) await deed.call(lro.waitOperation, { name, timeout: undefined })
    await rollUp(deed.db.pool)
  })

  after(() => deed[Symbol.asyncDispose]())

  it('adds all up, or apart by what is asked for, in that order', async () => {
    const { usage, nextPageToken, asOf } = await query({})
    assert.deepEqual(usage, [
      {
        ...{ contract: '', method: '', model: '', apiKey: '', day: '', completions: 7n, validCompletions: 6n },
        ...{ invalidCompletions: 1n, refusedCompletions: 0n, truncatedCompletions: 0n, failedCompletions: 0n },
        ...{ abortedCompletions: 0n, inputTokens: 70n, outputTokens: 35n, cacheReadTokens: 0n, cacheWriteTokens: 0n },
        ...{ costMicroUsd: 0n, unpricedCompletions: 7n, estimatedCompletions: 0n },
      },
    ])
    assert.equal(nextPageToken, '')
    assert(asOf && Math.abs(asOf.getTime() - Date.now()) < 60_000)
    assert.deepEqual(await counts({ groupBy: [day, contract, model] }, 'day', 'contract', 'model', 'completions'), [
      [today, `contracts/${long}`, 'test/one', 7n],
    ])
    assert.deepEqual(await counts({ groupBy: [method] }, 'method', 'completions'), [
      [`${long}/Ask`, 2n],
      [`${long}/Plain`, 1n],
      [`${long}/Work`, 4n],
    ])
  })

  it('knows whose key made each call, whichever way it came', async () => {
    const rows = await counts({ groupBy: [apiKey, method] }, 'apiKey', 'method', 'completions')
    const expected = [
      [names.get('caller'), `${long}/Ask`, 2n],
      [names.get('caller'), `${long}/Plain`, 1n],
      [names.get('caller'), `${long}/Work`, 3n],
      [names.get('publisher'), `${long}/Work`, 1n],
    ]
    assert.deepEqual(rows, expected)
  })

  it('counts only what is asked for', async () => {
    const filters: [Partial<QueryUsageRequest>, bigint][] = [
      [{ firstDay: today, lastDay: today, contract: `contracts/${long}`, model: 'test/one' }, 7n],
      [{ lastDay: '2020-02-29' }, 0n],
      [{ firstDay: '9999-12-31' }, 0n],
      [{ contract: 'contracts/other.v1.Service' }, 0n],
      [{ method: 'Ask' }, 2n],
      [{ method: `${long}/Ask` }, 2n],
      [{ method: 'other.v1.Service/Ask' }, 0n],
      [{ model: 'test/two' }, 0n],
      [{ apiKey: names.get('publisher') ?? '' }, 1n],
    ]
    for (const [filter, completions] of filters) {
      assert.deepEqual(await counts(filter, 'completions'), [[completions]], JSON.stringify(filter))
    }
  })

  it('comes in pages, whose tokens are good for the same query', async () => {
    const groupBy = [apiKey, method]
    const all = await query({ groupBy })
    const paged: Usage[] = []
    let pageToken = ''
    do {
      const page = await query({ groupBy, pageSize: 1, pageToken })
      assert.equal(page.usage.length, 1)
      paged.push(...page.usage)
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    assert.deepEqual(paged, all.usage)
    const { nextPageToken } = await query({ groupBy, pageSize: 1 })
    for (const request of [
      { groupBy: [method], pageToken: nextPageToken },
      { groupBy, method: 'Ask', pageToken: nextPageToken },
      { groupBy, pageToken: tokenOf('0123456789a["x"]') },
      { groupBy, pageToken: 'eA' },
      { groupBy, pageToken: tokenOf(tokenText(nextPageToken).replace(/\[".*/, '["\\u0000", ""]')) },
    ]) {
      const refused = await refusal(query(request))
      assert.match(refused.violations.join(), /^page_token: /)
    }
  })

  it('refuses what cannot be counted', async () => {
    for (const [request, field] of [
      [{ firstDay: '2026-02-30' }, /^first_day: must be a day/],
      [{ lastDay: '0000-01-01' }, /^last_day: must be a day/],
      [{ firstDay: '2026-02-02', lastDay: '2026-02-01' }, /^last_day: must not be before first_day/],
      [{ model: 'test/\0' }, /^model: /],
      [{ firstDay: 'yesterday' }, /^first_day: /],
      [{ groupBy: [day, day] }, /^group_by: /],
      [{ groupBy: [By.USAGE_DIMENSION_UNSPECIFIED] }, /^group_by\[0\]: /],
      [{ contract: 'contracts/other.v1.S', method: `${long}/Ask` }, /^method: /],
      [{ apiKey: 'me' }, /^api_key: /],
    ] as const) {
      const refused = await refusal(query(request as Partial<QueryUsageRequest>))
      assert.deepEqual([refused.code, refused.reason], [status.INVALID_ARGUMENT, 'REQUEST_INVALID'])
      assert.match(refused.violations.join(), field)
    }
  })

  it('shows a project its own usage alone', async () => {
    const other = await deed.addProject()
    const { usage } = await query({ groupBy: [method] }, other.adminKey)
    assert.deepEqual(usage, [])
  })
})

const tokenText = (token: string) => Buffer.from(token, 'base64url').toString()
const tokenOf = (text: string) => Buffer.from(text).toString('base64url')
const listing = { name: 'operations', filter: '', pageToken: '', returnPartialSuccess: false }
