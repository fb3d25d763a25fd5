import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import type { DeedClient } from '../support/deed-client.ts'
import { endProcesses, startDeed, within } from '../support/deed-process.ts'
import { eventually, inspect, prepareGround } from '../support/ground.ts'
import { broken, type Made } from '../support/load.ts'
import { testDatabase } from '../support/postgres.ts'

/** Operations of each kind that a replica holds when it is lost. */
const held = 10
/** Longer than a replica's life without a heartbeat, and the first pause of what it held. */
const takeOverMs = 20_000
/** How long a model takes to answer those that are to be lost: they are frozen or dead by then. */
const slowMs = 2_000

describe('replicas over one database', () => {
  afterEach(endProcesses)

  it('answer what a killed and a frozen one held; that one changes nothing when it wakes', async () => {
    await using database = await testDatabase()
    let slow = true
    await using ground = await prepareGround(({ n }) => ({
      delayMs: slow ? slowMs : 50,
      json: { text: `answer ${n}` },
    }))
    const start = async () => startDeed(await ground.env({ DATABASE_URL: database.url }))
    await using survivor = await start()
    await using killed = await start()
    await using frozen = await start()
    const client = ground.client(survivor.address)
    await client.publish()

    const made: Made[] = []
    const calls: Promise<unknown>[] = []
    for (const [name, { address }] of Object.entries({ killed, frozen })) {
      const there = ground.client(address)
      await there.published()
      for (let n = 0; n < held * 2; n++) {
        const call: Made = { text: `${name} ${n}`, key: n % 2 === 0 ? `${name}-${n}` : undefined, outcomes: [] }
        made.push(call)
        calls.push(there.echo(call.text, call.key).then((outcome) => call.outcomes.push(outcome)))
      }
    }
    await eventually(async () => ground.fake.requests.length === held * 4, slowMs, 'the calls did not arrive')
    slow = false
    frozen.send('SIGSTOP')
    await killed.kill()

    // Their callers come back, to the one that is left.
    const again = made.filter((call) => call.key !== undefined)
    await within(
      takeOverMs,
      'not taken over',
      Promise.all(again.map(async (call) => call.outcomes.push(await client.echo(call.text, call.key)))),
    )
    await using inspector = inspect(database.url)
    await inspector.settled(takeOverMs)
    const before = await results(client)
    frozen.send('SIGCONT')
    await within(takeOverMs, 'callers were left', Promise.all(calls))
    const woken = ground.client(frozen.address)
    await eventually(async () => (await woken.health('readiness'))[0] === 'SERVING', 10_000, 'it did not recover')
    assert.equal((await woken.echo('afterwards')).code, status.OK)

    const after = await results(client)
    assert.deepEqual(
      [...after].filter(([name]) => before.has(name)),
      [...before],
    )
    assert.equal(after.size, held * 4 + 1)
    assert.deepEqual(await broken(made, woken), [])
    assert.deepEqual(await inspector.misplaced(), [])
    for (const { text, key, outcomes } of made) {
      const codes = outcomes.map(({ code }) => code)
      if (key !== undefined) assert.ok(codes.includes(status.OK), `${text}: ${codes}`)
      else assert.ok(!codes.includes(status.OK), `${text}: ${codes}`)
    }
    const lost = [...after.values()].filter((result) => result === `error ${status.ABORTED}`)
    assert.equal(lost.length, held * 2)
    assert.deepEqual([(await frozen.stop()).code, (await survivor.stop()).code], [0, 0])
  }).timeout(90_000)
})

/** What each operation ended with. */
async function results(client: DeedClient): Promise<Map<string, string>> {
  const ends = [...(await client.list())].map(([name, { result }]): [string, string] => [
    name,
    result?.$case === 'response' ? result.value.value.toString('hex') : `error ${result?.value.code}`,
  ])
  return new Map(ends.sort())
}
