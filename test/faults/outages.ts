import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { Client } from 'pg'
import { eventually } from '../support/ground.ts'
import type { Load } from '../support/load.ts'
import type { Scenario } from './scenario.ts'

const callers = 9
const limitMs = 30_000

/** PostgreSQL is stopped, or killed, and starts again. */
export const restarted: Scenario = {
  name: 'PostgreSQL restarted',
  async play({ arena, random, again }) {
    const load = arena.load(callers)
    while (again()) {
      await load.more(callers * 3)
      await (random.chance(0.5) ? arena.postgres.stop() : arena.postgres.kill())
      await sleep(random.between(0, 500))
      await arena.postgres.start()
      await load.more(callers)
    }
    return arena.assess(load)
  },
}

/** Its connections are ended from within, whatever they are at. */
export const terminated: Scenario = {
  name: 'connections ended by pg_terminate_backend',
  async play({ arena, random, again }) {
    const load = arena.load(callers)
    while (again()) {
      await load.more(callers)
      for (let n = 0; n < 20; n++) {
        await arena.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name like 'deed%' and application_name <> 'deed doctor' order by random() limit ${random.whole(1, 4)}`)
        await sleep(random.between(0, 40))
      }
      await load.more(callers)
    }
    return arena.assess(load)
  },
}

/** Every reply takes longer, up to a few tenths of a second. */
export const slow: Scenario = {
  name: 'PostgreSQL that is slow',
  async play({ arena, random, again }) {
    const load = arena.load(callers)
    while (again()) {
      const most = random.between(50, 300)
      for (const { proxy } of arena.seats) proxy.delayMs = () => random.between(0, most)
      await load.more(callers)
    }
    return arena.assess(load)
  },
}

const refused = ({ made }: Load) =>
  made.flatMap(({ outcomes }) => outcomes).filter(({ code }) => code === status.UNAVAILABLE).length

/** There is no room on its disk for a while. */
export const diskFull: Scenario = {
  name: 'a disk that is full',
  async play({ arena, random, again }) {
    const { disk, postgres } = arena
    if (typeof disk === 'string') return { skipped: disk }
    const load = arena.load(callers)
    while (again()) {
      await load.more(callers)
      await disk.fill()
      try {
        // What has room in its blocks still goes in.
        const before = refused(load)
        await eventually(async () => refused(load) > before, limitMs, 'a full disk refused nothing')
        await sleep(random.between(0, 500))
      } finally {
        await disk.free()
      }
      // Where it had no room for its log, it went down.
      await postgres.start()
      await load.more(callers)
    }
    return arena.assess(load)
  },
}

/** The network between replica and PostgreSQL resets connections, or swallows what is sent. */
export const network: Scenario = {
  name: 'connections that are cut, and that stall half-open',
  async play({ arena, random, again }) {
    const load = arena.load(callers)
    while (again()) {
      await load.more(callers)
      const { proxy, client } = random.pick(arena.seats)
      for (let n = random.whole(1, 5); n > 0; n--) {
        proxy.cut()
        await sleep(random.between(0, 100))
      }
      proxy.stall()
      // Past the 5 s of a statement and, at times, the 9 s of the replica's life.
      await sleep(random.pick([500, 1_500, 6_500, 12_000].slice(0, random.chance(0.3) ? 4 : 2)))
      // What hung is reset, or goes on.
      if (random.chance(0.5)) proxy.cut()
      proxy.resume()
      await eventually(async () => (await client.health('readiness'))[0] === 'SERVING', limitMs, 'it did not recover')
    }
    return arena.assess(load)
  },
}

/** Someone keeps a snapshot open, so that nothing dead can be cleared away. */
export const longTransaction: Scenario = {
  name: 'a long transaction held open elsewhere',
  async play({ arena, again }) {
    await using stack = new AsyncDisposableStack()
    const other = new Client({ connectionString: arena.postgres.url, application_name: 'a long transaction' })
    other.on('error', () => {})
    await other.connect()
    stack.defer(() => other.end())
    await other.query('begin isolation level repeatable read')
    await other.query('select count(*) from ready')
    await arena.pool.query('update lane set max_running = 6')
    const load = arena.load(callers * 2)
    while (again()) await load.more(callers * 10)
    await other.query('rollback')
    const faults = await arena.assess(load)
    await arena.pool.query('update lane set max_running = null')
    return faults
  },
}
