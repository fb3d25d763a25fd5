import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { DeedError } from '../../src/errors/deed-error.ts'
import { Batcher } from '../../src/operations/batcher.ts'
import { gate } from '../support/scripted.ts'

const refused = Object.assign(new Error('invalid input syntax'), { code: '22P02' })
const cut = Object.assign(new Error('terminating connection'), { code: '57P01' })

function batcher(flush: (items: readonly string[]) => Promise<readonly string[]>) {
  return new Batcher<string, string>({
    name: 'test',
    flush,
    rival: (item) => item[0],
    size: (item) => item.length,
  })
}

describe('Batcher', () => {
  it('joins what arrives together, and what arrives while a flush is under way', async () => {
    const batches: (readonly string[])[] = []
    const first = gate()
    const queue = batcher(async (items) => {
      batches.push(items)
      if (batches.length === 1) await first.promise
      return items
    })
    const early = ['a', 'b'].map((item) => queue.add(item))
    while (batches.length < 1) await new Promise((resolve) => setImmediate(resolve))
    const late = ['c', 'd', 'e'].map((item) => queue.add(item))
    first.resolve()
    assert.deepEqual(await Promise.all([...early, ...late]), ['a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(batches, [
      ['a', 'b'],
      ['c', 'd', 'e'],
    ])
  })

  it('keeps rivals apart, in order', async () => {
    const batches: (readonly string[])[] = []
    const queue = batcher(async (items) => {
      batches.push(items)
      return items
    })
    await Promise.all(['a1', 'b1', 'a2', 'a3'].map((item) => queue.add(item)))
    assert.deepEqual(batches, [['a1', 'b1'], ['a2'], ['a3']])
  })

  it('fails a bad item alone', async () => {
    const queue = batcher(async (items) => {
      if (items.includes('bad')) throw refused
      return items
    })
    const [good, bad, other] = await Promise.allSettled(['good', 'bad', 'other'].map((item) => queue.add(item)))
    assert.equal(good?.status, 'fulfilled')
    assert.equal(bad?.status === 'rejected' && bad.reason, refused)
    assert.equal(other?.status, 'fulfilled')
  })

  it('says that the database is unavailable without its words', async () => {
    const queue = batcher(async () => {
      throw cut
    })
    await assert.rejects(queue.add('a'), (error) => {
      assert(error instanceof DeedError)
      assert.equal(error.reason, 'STORAGE_UNAVAILABLE')
      assert(!error.message.includes('terminating'))
      assert(error.details.retryDelayMs !== undefined)
      return true
    })
  })

  it('tells what has queued behind a flush that hung, and goes on', async () => {
    const clock = mock.method(performance, 'now', () => 0)
    try {
      const hung = gate()
      let flushes = 0
      const queue = batcher(async (items) => {
        if (++flushes > 1) return items
        await hung.promise
        throw cut
      })
      const first = queue.add('a')
      while (flushes < 1) await new Promise((resolve) => setImmediate(resolve))
      const items = [first, queue.add('b'), queue.add('c')]
      clock.mock.mockImplementation(() => 5_000)
      hung.resolve()
      const ends = await Promise.allSettled(items)
      for (const end of ends) assert.equal(end.status === 'rejected' && end.reason.reason, 'STORAGE_UNAVAILABLE')
      assert.equal(flushes, 1)
      assert.equal(await queue.add('d'), 'd')
    } finally {
      clock.mock.restore()
    }
  })

  it('fails every item for which a flush returned nothing', async () => {
    const queue = batcher(async () => [])
    await assert.rejects(queue.add('a'), /no output/)
  })
})
