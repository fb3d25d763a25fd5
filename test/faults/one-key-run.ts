import { parseArgs } from 'node:util'
import { prepareArena } from '../support/arena.ts'
import { endProcesses } from '../support/deed-process.ts'
import { oneKey } from './rivalry.ts'

/** So many callers send the same key at once to three replicas. Returns what Deed promises and did not keep. */
export async function oneKeyRun(callers: number): Promise<string[]> {
  await using arena = await prepareArena()
  const faults = await oneKey(arena, callers)
  return [...faults, ...(await arena.assess())]
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { callers: { type: 'string', default: '1000' } } })
  const callers = Number(values.callers)
  const faults = await oneKeyRun(callers).finally(endProcesses)
  console.log(JSON.stringify({ callers, faults }, undefined, 2))
  process.exitCode = faults.length > 0 ? 1 : 0
}
