import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { DeedError } from '../../src/errors/deed-error.ts'
import { combine, matches } from '../../src/rpc/filter/combine.ts'
import { parseFilter, parseOrder } from '../../src/rpc/filter/parse.ts'
import type { OperationRow } from '../../src/storage/statements/operation-row.ts'

const time = '2026-01-31T09:30:00Z'
const ms = Date.parse(time)

describe('a filter', () => {
  const served: [string, ReturnType<typeof parseFilter>][] = [
    ['', {}],
    ['  ', {}],
    ['state = FAILED', { state: 'FAILED' }],
    ['state=OPERATION_STATE_FAILED', { state: 'FAILED' }],
    ['state = "FAILED"', { state: 'FAILED' }],
    ["state = 'FAILED'", { state: 'FAILED' }],
    ['done = true', { done: true }],
    ['done=false AND method=Say', { done: false, method: 'Say' }],
    ['done=false method=Say', { done: false, method: 'Say' }],
    ['(done=false) (method=Say)', { done: false, method: 'Say' }],
    ['((state = READY AND contract = a.B))', { state: 'READY', contract: 'a.B' }],
    ['contract = contracts/a.v1.B', { contract: 'a.v1.B' }],
    ['contract = "a.v1.B"', { contract: 'a.v1.B' }],
    ['method = a.v1.B/Say', { contract: 'a.v1.B', method: 'Say' }],
    ['method = a.v1.B/Say AND contract = a.v1.B', { contract: 'a.v1.B', method: 'Say' }],
    ['method = a.v1.B/Say AND contract = a.v1.C', null],
    ['state = FAILED AND state = FAILED', { state: 'FAILED' }],
    ['state = FAILED AND state = SUCCEEDED', null],
    ['state = FAILED AND done = true', { state: 'FAILED', done: true }],
    ['state = RUNNING AND done = true', null],
    [`accept_time >= "${time}"`, { accepted: { from: ms } }],
    [`accept_time>=${time}`, { accepted: { from: ms } }],
    ['accept_time >= 2026-01-31T10:30:00+01:00', { accepted: { from: ms } }],
    [`accept_time > ${time}`, { accepted: { from: ms + 1 } }],
    [`accept_time < ${time}`, { accepted: { before: ms } }],
    [`accept_time <= ${time}`, { accepted: { before: ms + 1 } }],
    [`accept_time = ${time}`, { accepted: { from: ms, before: ms + 1 } }],
    ['accept_time < 2026-01-31T09:30:00.0001Z', { accepted: { before: ms + 1 } }],
    ['accept_time >= 2026-01-31T09:30:00.0001Z', { accepted: { from: ms + 1 } }],
    ['accept_time = 2026-01-31T09:30:00.0001Z', null],
    [`settle_time > ${time} state = READY`, null],
    [
      `settle_time >= ${time} AND settle_time < 2026-02-01T00:00:00Z AND settle_time < 2026-03-01T00:00:00Z`,
      { settled: { from: ms, before: Date.parse('2026-02-01T00:00:00Z') }, done: true },
    ],
    [`accept_time > ${time} AND accept_time < ${time}`, null],
  ]
  for (const [text, filter] of served) {
    it(`is read: ${JSON.stringify(text)}`, () => assert.deepEqual(parseFilter(text), filter))
  }

  const refused: [string, number, RegExp][] = [
    ['state = FAILED OR state = READY', 16, /OR cannot be here/],
    ['NOT state = FAILED', 1, /NOT cannot be here/],
    ['-state = FAILED', 1, /- cannot be here/],
    ['state != FAILED', 7, /cannot be compared by !=/],
    ['state:FAILED', 6, /cannot be compared by :/],
    ['method > Say', 8, /cannot be compared by >/],
    [`accept_time != ${time}`, 13, /cannot be compared by !=/],
    ['model = "a/b"', 1, /there is no field "model"/],
    ['state = Failed', 9, /one of READY/],
    ['state = UNSPECIFIED', 9, /one of READY/],
    ['done = 1', 8, /true or false/],
    ['contract = "contracts/a.B/versions/1"', 12, /contracts\/package.Service/],
    ['method = "Sa*"', 10, /package.Service\/Method/],
    ['accept_time > yesterday', 15, /RFC 3339/],
    ['accept_time > "2026-02-31T00:00:00"', 15, /RFC 3339/],
    ['accept_time > 2026-13-01T00:00:00Z', 15, /RFC 3339/],
    ['now() > accept_time', 4, /no functions/],
    ['state', 6, /must be compared/],
    ['state = ', 9, /ends too early/],
    ['state = FAILED AND', 19, /ends too early/],
    ['AND state = FAILED', 1, /AND cannot be here/],
    ['(state = FAILED', 16, /ends too early/],
    ['state = FAILED)', 15, /not expected/],
    ['state = (FAILED)', 9, /not expected/],
    ['"state" = FAILED', 1, /not expected/],
    ['state = "FAILED', 9, /not expected/],
    ['state = FAILED, done = true', 15, /not expected/],
    ['('.repeat(3_000), 51, /nested too deep/],
  ]
  for (const [text, at, fault] of refused) {
    it(`is refused, with the place: ${JSON.stringify(text.slice(0, 50))}`, () => {
      assert.throws(
        () => parseFilter(text),
        (error) => {
          assert.ok(error instanceof DeedError)
          assert.deepEqual([error.code, error.reason], [status.INVALID_ARGUMENT, 'FILTER_INVALID'])
          const [violation] = error.details.fieldViolations ?? []
          assert.equal(violation?.field, 'filter')
          assert.match(violation.description, fault)
          assert.match(violation.description, new RegExp(`^at character ${at}: .*AND joins comparisons$`))
          return true
        },
      )
    })
  }

  it('matches what the listing would find', () => {
    const row = {
      contract: 'a.B',
      method: 'Say',
      state: 'FAILED',
      acceptedAt: new Date(ms),
      settledAt: new Date(ms + 10),
    } as OperationRow
    const matching = (text: string) => {
      const filter = parseFilter(text)
      assert.ok(filter)
      return matches(filter, row)
    }
    for (const text of ['', 'method = Say contract = a.B state = FAILED done = true', `accept_time = ${time}`])
      assert.ok(matching(text), text)
    const others = ['method = Tell', 'contract = b.B', 'state = READY', 'done = false', `settle_time = ${time}`]
    for (const text of [...others, `accept_time < ${time}`]) assert.ok(!matching(text), text)
    assert.ok(!matches({ settled: { from: 0 } }, { ...row, settledAt: null }))
    assert.equal(combine(null, {}), null)
  })
})

describe('an order', () => {
  it('is by accept_time', () => {
    const orders = ['', 'accept_time desc', ' accept_time  desc ', 'accept_time', 'accept_time asc'].map(parseOrder)
    assert.deepEqual(orders, ['desc', 'desc', 'desc', 'asc', 'asc'])
    for (const text of ['settle_time', 'accept_time desc, name', 'name']) {
      assert.throws(() => parseOrder(text), { reason: 'FILTER_INVALID' })
    }
  })
})
