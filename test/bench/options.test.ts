import assert from 'node:assert/strict'
import { readOptions } from '../../bench/options.ts'

describe('options of a bench', () => {
  const read = (...args: string[]) => readOptions(args, { rate: { default: 200, min: 1, max: 5_000 } }, ['plot'])
  const complaint = (...args: string[]) => {
    try {
      return JSON.stringify(read(...args))
    } catch (error) {
      assert.ok(error instanceof Error && 'exitCode' in error && error.exitCode === 2)
      return error.message
    }
  }

  it('have defaults', () => {
    assert.deepEqual(read(), { rate: 200, plot: undefined })
  })

  it('are taken with a space or an equals sign, up to their bounds', () => {
    assert.deepEqual(read('--rate', '5000', '--plot=a b.png'), { rate: 5_000, plot: 'a b.png' })
    assert.deepEqual(read('--rate=1'), { rate: 1, plot: undefined })
  })

  it('are refused in one line when they are no whole number within the bounds', () => {
    for (const text of ['0', '5001', '2.5', '1e3', 'abc', '', ' 5', '0x10', '99999999999999999999', '+5', 'NaN']) {
      const wanted = `--rate needs a whole number from 1 to 5000, not ${JSON.stringify(text)}`
      assert.equal(complaint(`--rate=${text}`), wanted)
    }
    assert.equal(complaint('--rate', '-5'), '--rate needs a whole number from 1 to 5000')
    assert.equal(complaint('--rate'), '--rate needs a whole number from 1 to 5000')
  })

  it('are refused in one line when the bench does not have them', () => {
    assert.equal(complaint('--runs', '3'), "unknown option '--runs'")
    assert.equal(complaint('-r', '3'), "unknown option '-r'")
    assert.equal(complaint('3'), "unexpected argument '3'")
  })

  it('are refused in one line without their text', () => {
    assert.equal(complaint('--plot='), '--plot needs a value')
    assert.equal(complaint('--plot'), "option '--plot <value>' argument missing")
  })
})
