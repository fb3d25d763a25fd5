import { parseArgs } from 'node:util'
import { prepareArena } from '../support/arena.ts'
import { oneKey } from './rivalry.ts'
import { report, standalone } from './standalone.ts'

/** So many callers send the same key at once to three replicas. Returns what Deed promises and did not keep. */
export async function oneKeyRun(callers: number): Promise<string[]> {
  await using arena = await prepareArena()
  const faults = await oneKey(arena, callers)
  return [...faults, ...(await arena.assess())]
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { callers: { type: 'string', default: '1000' } } })
  const callers = Number(values.callers)
  const faults = await standalone(() => oneKeyRun(callers))
  report({ callers, faults })
}
