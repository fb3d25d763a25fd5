import { Pool } from 'pg'
import type { FakeAnthropicOptions } from './fake-anthropic.ts'
import { eventually, type Ground, type Inspector, inspect, prepareGround } from './ground.ts'
import { broken, type Load, startLoad } from './load.ts'
import { type OwnPostgres, ownPostgres } from './postgres.ts'
import { poolSize, Seat } from './seat.ts'
import { type SmallDisk, smallDisk } from './small-disk.ts'

/** Three replicas, each behind a proxy of its own, over one PostgreSQL: what the fault tests break. */
export type Arena = AsyncDisposable & {
  ground: Ground
  postgres: OwnPostgres
  /** The disk that PostgreSQL is on, or why it is on none of its own. */
  disk: SmallDisk | string
  seats: readonly [Seat, Seat, Seat]
  inspector: Inspector
  pool: Pool
  /** Starts callers of all three replicas; no two loads have a key in common. */
  load(callers: number): Load
  /** Ends the load, and says what Deed promises and did not keep. */
  assess(load?: Load): Promise<string[]>
}

/** An hour ahead, an hour behind, and right. */
const clocksMs = [3_600_000, -3_600_000, 0] as const
/** What a lost replica held is due again after 10 s and a pause; what a stalled connection held, after its timeouts. */
const settleTimeoutMs = 60_000
const growthMb = 200
/** The migration's and the listener's connections, beside the pool. */
const besidePool = 2

const brisk: FakeAnthropicOptions['respond'] = ({ n }) => ({
  delayMs: 20 + (n % 7) * 20,
  json: { text: `answer ${n}` },
})

/** `respond`: instead of answers after 20 to 140 ms. */
export async function prepareArena(respond = brisk): Promise<Arena> {
  await using stack = new AsyncDisposableStack()
  const disk = await smallDisk()
  if (typeof disk !== 'string') stack.use(disk)
  const postgres = stack.use(await ownPostgres(typeof disk === 'string' ? undefined : disk.path))
  const ground = stack.use(await prepareGround(respond))
  const pool = new Pool({ connectionString: postgres.url, max: 3, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => {})
  stack.defer(() => pool.end())
  const inspector = stack.use(inspect(postgres.url))
  // One after the other would take three times as long; the first migrates, the others wait for it.
  const [a, b, c] = await Promise.all(
    [0, 1, 2].map(async (n) => stack.use(await Seat.take(ground, postgres.url, pool, clocksMs[n] ?? 0))),
  )
  if (!a || !b || !c) throw new Error('a seat is missing')
  const seats = [a, b, c] as const
  await a.client.publish()
  for (const { client } of seats) await client.published()
  const loads: Load[] = []
  // Of a test that failed: their last calls end with the replicas.
  stack.defer(() => {
    for (const load of loads) load.stop().catch(() => {})
  })
  const arena: Omit<Arena, typeof Symbol.asyncDispose> = {
    ground,
    postgres,
    disk,
    seats,
    inspector,
    pool,
    load(callers) {
      const clients = seats.map(({ client }) => client)
      const load = startLoad(clients, callers, `load${loads.length}`, { submits: true })
      loads.push(load)
      return load
    },
    async assess(load) {
      for (const { proxy } of seats) proxy.calm()
      await load?.stop()
      const faults = load ? await broken(load.made, a.client) : []
      await inspector.settled(settleTimeoutMs)
      faults.push(...(await inspector.misplaced()), ...(await inspector.unpaid()), ...(await skewed(pool)))
      const [operations, results] = [await inspector.count('operation'), await inspector.count('result')]
      if (operations !== results) faults.push(`${operations} operations have ${results} results`)
      return [...faults, ...(await leaks(pool, seats, baseline))]
    },
  }
  const warm = arena.load(6)
  await warm.more(60)
  await warm.stop()
  const baseline = Math.max(...(await Promise.all(seats.map((seat) => seat.memoryMb()))))
  const owned = stack.move()
  return { ...arena, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Ids follow the database's clock, whatever the replica's own says. */
async function skewed(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; by: number }>(`
    select id, extract(epoch from accepted_at)::float8 * 1000 - ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint as by
    from operation where abs(extract(epoch from accepted_at)::float8 * 1000 - ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint) > 60000`)
  return rows.map(({ id, by }) => `${id} was made ${Math.round(by)} ms before it was accepted`)
}

/** Memory and connections that are not back where they were. */
async function leaks(pool: Pool, seats: readonly Seat[], baseline: number): Promise<string[]> {
  const most = seats.length * (poolSize + besidePool)
  const open = async () => {
    const { rows } = await pool.query<{ n: number; stuck: number }>(`
      select count(*)::int as n, count(*) filter (where xact_start < now() - interval '5 s')::int as stuck
      from pg_stat_activity where application_name like 'deed%' and application_name <> 'deed doctor'`)
    return rows[0] ?? { n: -1, stuck: -1 }
  }
  await eventually(async () => (await open()).n <= most && (await open()).stuck === 0, 15_000, 'connections are left')
  const grown = await Promise.all(seats.map((seat) => seat.memoryMb()))
  return grown.filter((mb) => mb > baseline + growthMb).map((mb) => `a replica takes ${mb} MB, ${baseline} MB before`)
}
