import assert from 'node:assert/strict'
import { OperationState } from '../../gen/deed/v1/operation.ts'
import { age, dollars, enumName, span } from '../../src/cli/format.ts'
import { type Column, table } from '../../src/cli/output.ts'

describe('the formats of the command line', () => {
  it('writes a span in its largest unit', () => {
    assert.deepEqual([0, 850, 1_000, 61_000, 3_600_000, 200_000_000].map(span), [
      '0ms',
      '850ms',
      '1s',
      '1m',
      '1h',
      '2d',
    ])
  })

  it('writes an age, never a negative one', () => {
    assert.equal(age(new Date(1_000), 6_000), '5s')
    assert.equal(age(new Date(9_000), 6_000), '0ms')
    assert.equal(age(undefined), '-')
  })

  it('writes micro-dollars exactly', () => {
    const costs = [0n, 1n, 12_300n, 1_000_000n, 2_500_000n, undefined]
    assert.deepEqual(costs.map(dollars), ['$0', '$0.000001', '$0.0123', '$1', '$2.5', '-'])
  })

  it('names the values of an enum', () => {
    assert.equal(enumName(OperationState, 'OPERATION_STATE_', OperationState.OPERATION_STATE_FAILED), 'FAILED')
    assert.equal(enumName(OperationState, 'OPERATION_STATE_', 99), '99')
  })
})

describe('a table', () => {
  const rows = [
    { name: 'a.very.long.name.of.something', count: 1 },
    { name: 'short', count: 20 },
  ]
  const columns: Column<{ name: string; count: number }>[] = [
    { title: 'NAME', cell: ({ name }) => name, shrinks: true },
    { title: 'COUNT', cell: ({ count }) => String(count) },
  ]

  it('is as wide as it needs when there is no terminal', () => {
    assert.deepEqual(table(rows, columns, undefined), [
      'NAME                           COUNT',
      'a.very.long.name.of.something  1',
      'short                          20',
    ])
  })

  it('fits into a terminal', () => {
    assert.deepEqual(table(rows, columns, 24), [
      'NAME               COUNT',
      'a.very.long.name…  1',
      'short              20',
    ])
  })

  it('does not cut below what can be read', () => {
    assert.equal(table(rows, columns, 5)[1], 'a.very.long…  1')
  })

  it('has only its titles without rows', () => {
    assert.deepEqual(table([], columns, 80), ['NAME  COUNT'])
  })
})
