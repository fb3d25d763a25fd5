import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { openCluster } from '../../src/storage/embedded/cluster.ts'
import { stopPostmaster } from '../../src/storage/embedded/postmaster.ts'
import { removeDataDir } from './data-folder.ts'
import { prepareProcesses } from './processes.ts'
import { makeRunFolder, runFolder, sharedDataDir, templateDataDir } from './run-folder.ts'

// What mocha runs around all the tests of a run (.mocharc.json requires this file).

/** In its main process, before there are workers. */
export const mochaGlobalSetup = makeRunFolder

/** In its main process, when all workers are done. */
export async function mochaGlobalTeardown(): Promise<void> {
  const limits = { signal: AbortSignal.timeout(10_000), log: () => undefined }
  const used = await access(join(sharedDataDir(), 'postgres')).catch((error: Error) => error)
  if (!used) await stopPostmaster(await openCluster({ dataDir: sharedDataDir(), ...limits }))
  for (const path of [sharedDataDir(), templateDataDir(), runFolder()]) await removeDataDir(path)
}

/** In each worker: before each file, and after each test. */
export const mochaHooks = {
  beforeAll: prepareProcesses,
  afterEach(this: Mocha.Context) {
    makeSendable(this.currentTest?.err)
  },
}

/** A worker sends what failed as JSON: one bigint in it, and the results of the whole file would be lost. */
function makeSendable(failure: Error | undefined): void {
  if (!failure) return
  for (const key of ['actual', 'expected']) {
    const value: unknown = Reflect.get(failure, key)
    try {
      JSON.stringify(value)
    } catch {
      Reflect.set(failure, key, inspect(value, { depth: 8 }))
    }
  }
}
