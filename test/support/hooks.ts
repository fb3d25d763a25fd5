import { stopSharedPostgres } from './postgres.ts'

/** What mocha runs around all the tests of a run (.mocharc.json requires this file). */
export const mochaHooks = {
  async afterAll(): Promise<void> {
    await stopSharedPostgres()
  },
}
