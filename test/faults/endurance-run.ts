import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Arena, prepareArena } from '../support/arena.ts'
import { DeedClient } from '../support/deed-client.ts'
import { broken } from '../support/load.ts'
import { makeProject } from '../support/project.ts'
import { type Random, seeded } from '../support/random.ts'
import { type Caller, enduranceLoad } from './endurance-load.ts'
import { report, standalone } from './standalone.ts'

export type EnduranceOptions = {
  seconds: number
  operations: number
  callers: number
  killEverySeconds: number
  postgresRestarts: number
  /** Attempts that have to run after a reap. */
  takenUp: number
  seed: number
}

export const enduranceDefaults: Omit<EnduranceOptions, 'seed'> = {
  seconds: 300,
  operations: 20_000,
  callers: 8,
  killEverySeconds: 5,
  postgresRestarts: 2,
  takenUp: 100,
}

const projects = 5
/** A model that takes its time: a replica that is killed holds something. */
const modelMs = { from: 50, below: 200 }

/**
 * Operations of callers in five projects, four of which are idle half of the time, over three replicas, of which one is killed and
 * replaced again and again, while PostgreSQL restarts now and then. Returns figures, and what Deed promises and did not keep.
 */
export async function enduranceRun(options: EnduranceOptions) {
  const random = seeded(options.seed)
  await using stack = new AsyncDisposableStack()
  const arena = stack.use(
    await prepareArena(({ n }) => ({
      delayMs: random.between(modelMs.from, modelMs.below),
      json: { text: `answer ${n}` },
    })),
  )
  await arena.pool.query('create table test_reaped (operation_id uuid, attempt int)')
  await arena.pool.query(`create function test_reaped() returns trigger language plpgsql as $$
    begin insert into test_reaped values (new.operation_id, new.attempt); return null; end $$`)
  await arena.pool.query(`create trigger test_reaped after insert on timer for each row when (new.crashes > 0)
    execute function test_reaped()`)
  const callers: Caller[] = []
  for (let n = 0; n < projects; n++) {
    const { secret } = await makeProject(arena.postgres.url, `project ${n}`)
    const clients = arena.seats.map(({ address }) => stack.use(new DeedClient(address, secret)))
    await clients[0]?.publish()
    for (const client of clients) await client.published()
    // The busy project has the callers that are left over.
    const many = n === 0 ? options.callers - projects + 1 : 1
    for (let m = 0; m < many; m++) callers.push({ name: `p${n} c${m}`, clients, idles: n > 0, made: [] })
  }

  const startedAt = performance.now()
  const over = new AbortController()
  const breaking = breakThings(arena, options, random, over.signal)
  // Awaited below; until then a failure must not end the process, and leave replicas behind.
  breaking.catch(() => over.abort())
  await enduranceLoad(callers, { ...options, random }, AbortSignal.timeout(options.seconds * 3_000 + 60_000))
  const tookSeconds = Math.round((performance.now() - startedAt) / 1_000)
  over.abort()
  const broke = await breaking

  const faults = await arena.assess()
  for (const [, ofProject] of Map.groupBy(callers, ({ clients }) => clients)) {
    const client = ofProject[0]?.clients[0]
    if (client)
      faults.push(
        ...(await broken(
          ofProject.flatMap(({ made }) => made),
          client,
        )),
      )
  }
  const figures = await figuresOf(arena)
  const tookMs = callers.flatMap(({ made }) =>
    made.map(({ outcomes }) => outcomes.reduce((sum, o) => sum + o.tookMs, 0)),
  )
  const made = tookMs.length
  if (made < options.operations) faults.push(`only ${made} operations were made`)
  if (figures.lostForGood > 0) faults.push(`the poison rule ended ${figures.lostForGood} operations`)
  if (figures.attemptsAfterReap < options.takenUp)
    faults.push(`only ${figures.attemptsAfterReap} attempts ran after a reap`)
  return {
    ...options,
    tookSeconds,
    made,
    ...broke,
    ...figures,
    modelRequests: arena.ground.fake.requests.length,
    answerMs: percentiles(tookMs),
    faults,
  }
}

/** Kills a replica at each turn and puts another in its place. Returns how often, when told that it is over. */
async function breakThings(arena: Arena, options: EnduranceOptions, random: Random, over: AbortSignal) {
  const { seconds, killEverySeconds, postgresRestarts } = options
  const startedAt = performance.now()
  const done = { kills: 0, restarts: 0, failedStarts: 0 }
  for (let turn = 1; ; turn++) {
    const due = startedAt + turn * killEverySeconds * 1_000 - performance.now()
    await sleep(Math.max(0, due), undefined, { signal: over }).catch(() => {})
    if (over.aborted) return done
    const seat = random.pick(arena.seats)
    await seat.kill()
    done.kills++
    const share = (performance.now() - startedAt) / (seconds * 1_000)
    if (done.restarts < postgresRestarts && share > (done.restarts + 1) / (postgresRestarts + 1)) {
      await arena.postgres.stop()
      await arena.postgres.start()
      done.restarts++
    }
    for (let up = false; !up; ) {
      up = await seat.replace().then(
        () => true,
        () => false,
      )
      if (!up) done.failedStarts++
    }
  }
}

async function figuresOf({ pool }: Arena) {
  const { rows } = await pool.query<{
    stored: number
    results: number
    lostForGood: number
    reaped: number
    attemptsAfterReap: number
  }>(`
    with tried as (select operation_id, attempt from completion union select id, attempt from result)
    select (select count(*)::int from operation) as stored, (select count(*)::int from result) as results,
      (select count(*)::int from result r join operation o on o.id = r.id and o.day = r.day where r.code = 10 and o.key is not null) as "lostForGood",
      (select count(*)::int from test_reaped) as reaped,
      (select count(*)::int from tried t where exists (
        select from test_reaped r where r.operation_id = t.operation_id and r.attempt = t.attempt - 1)) as "attemptsAfterReap"`)
  const [figures] = rows
  if (!figures) throw new Error('no figures')
  return figures
}

function percentiles(values: readonly number[]): Record<string, number> {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: String(enduranceDefaults.seconds) },
      operations: { type: 'string', default: String(enduranceDefaults.operations) },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
    },
  })
  const [seconds, operations, seed] = [Number(values.seconds), Number(values.operations), Number(values.seed)]
  report(await standalone(() => enduranceRun({ ...enduranceDefaults, seconds, operations, seed })))
}
