import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { type Arena, prepareArena } from '../support/arena.ts'
import { endProcesses } from '../support/deed-process.ts'
import { seeded } from '../support/random.ts'
import { oneKey } from './rivalry.ts'
import { scenarios } from './scenarios.ts'

/** `npm run test:faults` runs each for as long as one likes; the seed of a run that failed is in its title. */
const seed = Number(process.env['FAULTS_SEED'] ?? randomInt(1_000_000))

describe(`three replicas over one PostgreSQL (FAULTS_SEED=${seed})`, () => {
  const random = seeded(seed)
  let arena: Arena | undefined

  before(async () => {
    arena = await prepareArena()
  }).timeout(120_000)
  after(async () => {
    try {
      await arena?.[Symbol.asyncDispose]()
    } finally {
      await endProcesses()
    }
  })

  for (const { name, play } of scenarios) {
    it(`keep every promise: ${name}`, async () => {
      let rounds = 0
      assert.ok(arena)
      const found = await play({ arena, random, again: () => rounds++ < 1 })
      // That it is not run is said where it matters: mocha has no pending tests here.
      if ('skipped' in found) console.log(`      not run: ${found.skipped}`)
      else assert.deepEqual(found, [])
    }).timeout(90_000)
  }

  it('make one operation, one completion and one answer of 200 calls of one key', async () => {
    assert.ok(arena)
    assert.deepEqual(await oneKey(arena, 200), [])
  })

  it('end well when they are told to', async () => {
    assert.ok(arena)
    for (const seat of arena.seats) await seat.stop()
  }).timeout(30_000)
})
