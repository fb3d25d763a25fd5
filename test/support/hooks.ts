import { stopSharedPostgres } from './postgres.ts'
import { prepareProcesses } from './processes.ts'

/** What mocha runs around all the tests of a run (.mocharc.json requires this file). */
export const mochaHooks = {
  beforeAll: prepareProcesses,
  async afterAll(): Promise<void> {
    await stopSharedPostgres()
  },
}
