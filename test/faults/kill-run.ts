import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { dataFolder, initialisedFolder } from '../support/data-folder.ts'
import { endProcesses, spawnDeed, startDeed } from '../support/deed-process.ts'
import { embeddedUrl, inspect, prepareGround } from '../support/ground.ts'
import { broken, startLoad } from '../support/load.ts'
import { ownPostgres } from '../support/postgres.ts'
import { report, standalone } from './standalone.ts'

export type KillRunOptions = {
  /** How often the server is killed. */
  kills: number
  /** Calls in flight. */
  callers: number
  /** Where the data is: in the data folder, or in a PostgreSQL of DATABASE_URL. */
  storage: 'embedded' | 'url'
}

export type KillReport = {
  calls: number
  answered: number
  /** Rows of the tables `operation` and `result`, and requests to the model. */
  operations: number
  results: number
  completions: number
  /** What Deed promises and did not keep; empty when all is well. */
  faults: string[]
}

/** Without the embedded database, what a killed server held is taken up when its life in the database is over. */
const settleTimeoutMs = 60_000
/** Every so many kills one hits a server that is just starting. */
const earlyEvery = 4

/** Kills a server with SIGKILL under load, again and again, and starts it on the same data each time. */
export async function killRun({ kills, callers, storage }: KillRunOptions): Promise<KillReport> {
  await using stack = new AsyncDisposableStack()
  const ground = stack.use(await prepareGround(undefined, storage === 'url' ? dataFolder : initialisedFolder))
  const postgres = storage === 'url' ? stack.use(await ownPostgres()) : undefined
  const env = await ground.env(postgres ? { DATABASE_URL: postgres.url } : {})
  stack.defer(endProcesses)

  let server = await startDeed(env)
  const client = ground.client(server.address)
  await client.publish()
  const inspector = stack.use(inspect(postgres?.url ?? (await embeddedUrl(ground.dataDir))))
  const faults: string[] = []
  const load = startLoad([client], callers, 'call')
  for (let kill = 1; kill <= kills; kill++) {
    await load.more(callers * 2)
    // Anywhere in the life of the calls that are in flight.
    await sleep(Math.random() * 60)
    await server.kill()
    faults.push(...(await inspector.misplaced()).map((operation) => `after kill ${kill}: ${operation}`))
    if (kill % earlyEvery === 0) {
      const early = spawnDeed(env)
      await sleep(Math.random() * 1500)
      await early.kill()
    }
    server = await startDeed(env)
  }
  await load.more(callers * 2)
  await load.stop()
  faults.push(...(await broken(load.made, client)))
  await inspector.settled(settleTimeoutMs)
  faults.push(...(await inspector.misplaced()))
  faults.push(...(await inspector.unpaid()).map((id) => `not exactly one completion for the answer of ${id}`))
  const figures = {
    calls: load.made.length,
    answered: load.answered,
    operations: await inspector.count('operation'),
    results: await inspector.count('result'),
    completions: ground.fake.requests.length,
    faults,
  }
  const { code, stderr } = await server.stop()
  if (code !== 0) faults.push(`the last server ended with ${code}: ${stderr}`)
  return figures
}

// By hand, as long as one likes: node test/faults/kill-run.ts --kills 20 --storage url
if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '20' },
      callers: { type: 'string', default: '64' },
      storage: { type: 'string', default: 'embedded' },
    },
  })
  const storage = values.storage === 'url' ? 'url' : 'embedded'
  const options = { kills: Number(values.kills), callers: Number(values.callers), storage } as const
  report(await standalone(() => killRun(options)))
}
