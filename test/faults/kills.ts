import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from '../support/arena.ts'
import { within } from '../support/deed-process.ts'
import { eventually } from '../support/ground.ts'
import type { Moment } from '../support/pg-proxy.ts'
import type { Seat } from '../support/seat.ts'
import type { Scenario } from './scenario.ts'

const callers = 9
const limitMs = 30_000
const moments: readonly Moment[] = ['before', 'executed', 'after']
const statements = ['accept', 'commit', 'settle', 'claim'] as const

/** Replicas end at any time. */
export const killedAtRandom: Scenario = {
  name: 'replicas killed at random',
  async play({ arena, random, again }) {
    const load = arena.load(callers)
    while (again()) {
      await load.more(callers)
      const seat = random.pick(arena.seats)
      await sleep(random.between(0, 80))
      await seat.kill()
      // At times its life runs out as it does without us, while the next one is there already.
      if (random.chance(0.7)) await seat.expire()
      await seat.replace()
    }
    await load.more(callers)
    return arena.assess(load)
  },
}

/** Replicas end just before a statement, after it was committed and before they know, and when they know. */
export const killedAtPoints: Scenario = {
  name: 'replicas killed at chosen points of accept, claim and settle',
  async play({ arena, random, again }) {
    const faults: string[] = []
    const all = statements.flatMap((statement) => moments.map((moment) => ({ statement, moment })))
    let left = shuffled(all, random.pick)
    // One in three operations waits in the queue: there is something to claim.
    await limit(arena, 6)
    const load = arena.load(callers * 2)
    while (again()) {
      if (left.length < arena.seats.length) left = shuffled(all, random.pick)
      const killed = arena.seats.map(async (seat) => {
        const point = left.pop()
        if (!point) throw new Error('no point is left')
        await within(limitMs, `no ${point.statement} was ${point.moment}`, killAt(seat, point))
        // What it held must not keep the others, by the limit, from reaching theirs; nor those who call only this one.
        await seat.expire()
        await seat.replace()
      })
      await Promise.all(killed)
      await load.more(callers)
    }
    faults.push(...(await arena.assess(load)))
    await limit(arena, null)
    return faults
  },
}

/** A process that is stopped past its lease and goes on changes nothing. */
export const zombie: Scenario = {
  name: 'a replica that is stopped past its lease, and wakes',
  async play({ arena, random, again }) {
    const faults: string[] = []
    const load = arena.load(callers)
    while (again()) {
      await load.more(callers)
      const seat = random.pick(arena.seats)
      await sleep(random.between(0, 80))
      seat.send('SIGSTOP')
      try {
        // Not to be told apart from the end of its time, which takes 10 s; sometimes those are waited for.
        if (random.chance(0.8)) await seat.expire()
        await eventually(async () => (await held(arena, seat)) === 0, limitMs, 'what it held was not reaped')
        await load.more(callers)
        const before = await stored(arena)
        seat.send('SIGCONT')
        await eventually(
          async () => (await seat.client.health('readiness'))[0] === 'SERVING',
          limitMs,
          'it did not recover',
        )
        const after = await stored(arena)
        for (const [id, result] of before) {
          if (after.get(id) !== result) faults.push(`the result of ${id} was ${result} and is ${after.get(id)}`)
        }
      } finally {
        seat.send('SIGCONT')
      }
    }
    return [...faults, ...(await arena.assess(load))]
  },
}

/** Has the replica end at the first such moment from now on. */
function killAt(seat: Seat, point: { statement: string; moment: Moment }): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  seat.proxy.hook = async (statement, moment, link) => {
    if (statement !== point.statement || moment !== point.moment) return
    seat.proxy.hook = undefined
    await seat.kill()
    link.cut()
    resolve()
  }
  return promise
}

async function limit({ pool }: Arena, running: number | null): Promise<void> {
  await pool.query('update lane set max_running = $1', [running])
}

async function held({ pool }: Arena, { proxy }: Seat): Promise<number> {
  const { rows } = await pool.query('select from lease where replica_id = $1', [proxy.replicaId])
  return rows.length
}

async function stored({ pool }: Arena): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: string; end: string }>(
    `select id, attempt || ' ' || code || ' ' || encode(response, 'hex') || ' ' || settled_at as "end" from result`,
  )
  return new Map(rows.map(({ id, end }) => [id, end]))
}

function shuffled<T>(items: readonly T[], pick: (from: readonly T[]) => T): T[] {
  const left = new Set(items)
  return items.map(() => {
    const item = pick([...left])
    left.delete(item)
    return item
  })
}
