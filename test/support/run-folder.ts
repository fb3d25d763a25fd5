import { chmod, mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const name = 'TEST_RUN_FOLDER'

/** Makes the folder for what the tests of a run share; the workers, which start later, find it in their environment. */
export async function makeRunFolder(): Promise<void> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'deed-test-')))
  await chmod(path, 0o755) // PostgreSQL passes through it as another user
  process.env[name] = path
}

export function runFolder(): string {
  const path = process.env[name]
  if (path === undefined) throw new Error('mocha makes the folder of a run (hooks.ts)')
  return path
}

/** Of the PostgreSQL of this run. */
export const sharedDataDir = () => join(runFolder(), 'shared')

/** Of the PostgreSQL that never runs, but is copied. */
export const templateDataDir = () => join(runFolder(), 'template')
