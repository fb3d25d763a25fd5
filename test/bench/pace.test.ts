import assert from 'node:assert/strict'
import { Pace } from '../../bench/queue/pace.ts'

describe('the pace of a queue bench', () => {
  it('lets no more be added than are ahead of the work, and goes on with it', async () => {
    const pace = new Pace(2)
    assert.deepEqual([await pace.take(1), await pace.take(1)], [true, true])
    let third: boolean | undefined
    const taking = pace.take(1).then((more) => {
      third = more
    })
    await Promise.resolve()
    assert.equal(third, undefined)
    assert.equal(pace.work(), undefined)
    await taking
    assert.equal(third, true)
    assert.equal(pace.handled, 1)
  })

  it('has the work wait when it is far ahead of the adding, as with many that waited before', async () => {
    const pace = new Pace(1)
    assert.equal(pace.work(), undefined)
    const held = pace.work()
    assert(held)
    assert.equal(await pace.take(1), true)
    await held
  })

  it('ends whoever waits', async () => {
    const pace = new Pace(1)
    await pace.take(1)
    const more = pace.take(1)
    pace.end()
    assert.equal(await more, false)
    assert.equal(await pace.take(1), false)
  })
})
