import { endProcesses } from '../support/deed-process.ts'
import { mochaGlobalSetup, mochaGlobalTeardown } from '../support/hooks.ts'

/** Runs what stands on the same ground as the tests, outside mocha; nothing is left behind. */
export async function standalone<T>(run: () => Promise<T>): Promise<T> {
  await mochaGlobalSetup()
  try {
    return await run()
  } finally {
    await endProcesses()
    await mochaGlobalTeardown()
  }
}

/** Prints a report, and has the process fail where it has faults. */
export function report(figures: Readonly<Record<string, unknown>> & { faults: readonly string[] }): void {
  console.log(JSON.stringify(figures, undefined, 2))
  process.exitCode = figures.faults.length > 0 ? 1 : 0
}
