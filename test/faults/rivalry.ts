import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import type { Arena } from '../support/arena.ts'
import type { Outcome } from '../support/deed-client.ts'
import type { Scenario } from './scenario.ts'

const callers = 9
const maxRunning = 4
let keys = 0

/** Everyone sends the same key at once, through all replicas. */
export const rivals: Scenario = {
  name: 'forty rival callers on one key through three replicas',
  async play({ arena, again }) {
    const faults: string[] = []
    while (again()) faults.push(...(await oneKey(arena, 40)))
    return [...faults, ...(await arena.assess())]
  },
}

/** One operation, one completion, the same bytes for all. Returns what was otherwise. */
export async function oneKey({ seats, pool, inspector }: Arena, rivals: number): Promise<string[]> {
  const key = `rival ${process.pid} ${++keys}`
  const before = await inspector.count('operation')
  const calls = Array.from({ length: rivals }, (_, n) =>
    seats[n % seats.length]?.client.echo(key, key.replaceAll(' ', '-')),
  )
  const outcomes = (await Promise.all(calls)).filter((outcome) => outcome !== undefined)
  const faults: string[] = []
  const expect = (what: string, found: unknown, wanted: unknown) => {
    if (found !== wanted) faults.push(`${rivals} callers of one key: ${what}: ${found} instead of ${wanted}`)
  }
  expect('answers', new Set(outcomes.map(endOf)).size, 1)
  expect('answered OK', outcomes.filter(({ code }) => code === status.OK).length, rivals)
  expect('not replayed', outcomes.filter(({ replayed }) => !replayed).length, 1)
  expect('operations', (await inspector.count('operation')) - before, 1)
  const id = outcomes[0]?.operation?.replace('operations/', '')
  const { rows } = await pool.query('select from completion where operation_id = $1', [id])
  expect('completions', rows.length, 1)
  return faults
}

const endOf = ({ code, bytes, operation }: Outcome) => `${status[code]} ${bytes?.toString('hex')} ${operation}`

/** No replica hears another, and a project's limit sends all through the queue: polls have to do. */
export const deaf: Scenario = {
  name: 'notifications lost',
  async play({ arena, again }) {
    const { seats, pool } = arena
    const faults: string[] = []
    await pool.query('update lane set max_running = $1', [maxRunning])
    for (const { proxy } of seats) proxy.dropNotifications = true
    const load = arena.load(callers)
    while (again()) {
      let enough = false
      const more = load.more(callers * 2).then(() => {
        enough = true
      })
      while (!enough) {
        const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from lease')
        if (rows[0] && rows[0].n > maxRunning) faults.push(`${rows[0].n} ran at once, ${maxRunning} may`)
        await sleep(20)
      }
      await more
    }
    if (!seats.some(({ proxy }) => proxy.dropped > 0)) faults.push('no notification was lost')
    await load.stop()
    const slowest = Math.max(...load.made.flatMap(({ outcomes }) => outcomes.map(({ tookMs }) => tookMs)))
    // Some polls, each a second at the most.
    if (slowest > 8_000) faults.push(`without notifications a call took ${slowest} ms`)
    faults.push(...(await arena.assess(load)))
    await pool.query('update lane set max_running = null')
    return faults
  },
}
