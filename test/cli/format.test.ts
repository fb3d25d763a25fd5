import assert from 'node:assert/strict'
import { OperationState } from '../../gen/deed/v1/operation.ts'
import { age, dollars, enumName, exactDollars, span } from '../../src/cli/format.ts'
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
    assert.deepEqual([0n, 12_300n, 12_000_000n].map(exactDollars), ['$0.000000', '$0.012300', '$12.000000'])
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

  it('leaves out what can be spared before it cuts below what can be read', () => {
    const spare = [...columns, { title: 'ID', cell: () => '0190a1b2-0000', spare: true }]
    assert.deepEqual(table(rows, spare, 24), table(rows, columns, 24))
    assert.equal(table(rows, spare, 40)[1], 'a.very.long.name.…  1      0190a1b2-0000')
  })

  it('becomes a block for each row where columns cannot stand side by side', () => {
    const wide = [...columns, { title: 'ID', cell: () => '0190a1b2-0000-7000' }]
    assert.deepEqual(table(rows, wide, 20), [
      'NAME   a.very.long.…',
      'COUNT  1',
      'ID',
      '0190a1b2-0000-7000',
      '',
      'NAME   short',
      'COUNT  20',
      'ID',
      '0190a1b2-0000-7000',
    ])
    for (const width of [1, 5, 10]) for (const line of table(rows, wide, width)) assert.ok(line.length <= width, line)
  })

  it('counts what a terminal shows, and cuts no character in two', () => {
    const names = [
      { name: '日本語のとても長い名前です', count: 1 },
      { name: '👩‍👩‍👧 family', count: 2 },
    ]
    assert.deepEqual(table(names, columns, 19), ['NAME          COUNT', '日本語のと…   1', '👩‍👩‍👧 family     2'])
  })

  it('shows control characters of a cell as what they are not', () => {
    const [, line] = table([{ name: 'a\x1b[2Jb\nc', count: 1 }], columns, 80)
    assert.equal(line, 'a\ufffd[2Jb c  1')
  })

  it('has its colours around whole cells', () => {
    const coloured: Column<{ name: string; count: number }>[] = [
      { title: 'N', cell: ({ count }) => String(count), format: () => 'red' },
      { title: 'NAME', cell: ({ name }) => name },
    ]
    const paint = (format: unknown, text: string) => `<${format}:${text}>`
    assert.deepEqual(table(rows.slice(1), coloured, 80, paint), ['<bold:N   NAME>', '<red:20>  short'])
  })

  it('has only its titles without rows', () => {
    assert.deepEqual(table([], columns, 80), ['NAME  COUNT'])
  })
})
