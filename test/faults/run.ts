import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { prepareArena } from '../support/arena.ts'
import { seeded } from '../support/random.ts'
import { enduranceDefaults, enduranceRun } from './endurance-run.ts'
import { modelsRun } from './models-run.ts'
import { oneKeyRun } from './one-key-run.ts'
import { scenarios } from './scenarios.ts'
import { standalone } from './standalone.ts'

// npm run test:faults -- --seconds 60 --seed 7 --only disk
// Each scenario on three replicas and a PostgreSQL of its own, for so long; then endurance, as long and as much in that time as in
// the five minutes of `node test/faults/endurance-run.ts`, a thousand callers of one key, and two models of which one fails half of
// the time. The seed decides all that is random.

const oneKeyCallers = 1_000

type Run = { name: string; run: () => Promise<readonly string[] | { skipped: string }> }

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(randomInt(1_000_000)) },
    only: { type: 'string', default: '' },
  },
})
const [seconds, seed] = [Number(values.seconds), Number(values.seed)]
if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error('--seconds and --seed take numbers')
console.log(`seed ${seed}, ${seconds} s each`)

const runs: Run[] = scenarios.map(({ name, play }) => ({
  name,
  async run() {
    await using arena = await prepareArena()
    const until = performance.now() + seconds * 1_000
    // Once at the least.
    let rounds = 0
    const again = () => rounds++ === 0 || performance.now() < until
    const found = await play({ arena, random: seeded(seed), again })
    if (!('skipped' in found)) for (const seat of arena.seats) await seat.stop()
    return found
  },
}))
runs.push({
  name: 'endurance',
  async run() {
    const share = seconds / enduranceDefaults.seconds
    const operations = Math.round(enduranceDefaults.operations * share)
    const takenUp = Math.floor(enduranceDefaults.takenUp * share)
    const { faults, ...figures } = await enduranceRun({ ...enduranceDefaults, seconds, operations, takenUp, seed })
    console.log(JSON.stringify(figures))
    return faults
  },
})
runs.push({ name: `${oneKeyCallers} callers of one key`, run: () => oneKeyRun(oneKeyCallers) })
runs.push({
  name: 'two models of which one fails half of the time',
  async run() {
    const { faults, ...figures } = await modelsRun({ seconds, rate: 100, seed })
    console.log(JSON.stringify(figures))
    return faults
  },
})

for (const { name, run } of runs.filter((each) => each.name.includes(values.only))) {
  const startedAt = performance.now()
  const found = await standalone(run).catch((error: unknown) => [
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  ])
  const took = `${Math.round((performance.now() - startedAt) / 1_000)} s`
  if ('skipped' in found) console.log(`skipped  ${name}: ${found.skipped}`)
  else if (found.length === 0) console.log(`kept     ${name} (${took})`)
  else {
    process.exitCode = 1
    console.log(`BROKEN   ${name} (${took}, seed ${seed})`)
    for (const fault of found) console.log(`         ${fault}`)
  }
}
