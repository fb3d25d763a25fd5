import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, realpath, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isRoot } from '../../src/storage/embedded/as-user.ts'
import { type Cluster, openCluster } from '../../src/storage/embedded/cluster.ts'
import { templateDataDir } from './run-folder.ts'

export type DataFolder = { path: string; [Symbol.asyncDispose](): Promise<void> }

/** A folder for the data of a test; on disposal it goes, with a cluster that root had to keep elsewhere. */
export async function dataFolder(): Promise<DataFolder> {
  const path = await mkdtemp(join(tmpdir(), 'deed-test-'))
  return { path, [Symbol.asyncDispose]: () => removeDataDir(path) }
}

export async function removeDataDir(path: string): Promise<void> {
  const cluster = await realpath(join(path, 'postgres')).catch(() => undefined)
  if (cluster) await rm(cluster, { recursive: true, force: true })
  await rm(path, { recursive: true, force: true })
}

/**
 * As {@link dataFolder}, with PostgreSQL's data in it, as Deed initialises them: a copy of some that were initialised once,
 * which takes 0.2 CPU-seconds instead of 1.2.
 */
export async function initialisedFolder(): Promise<DataFolder> {
  const folder = await dataFolder()
  await initialise(folder.path)
  return folder
}

let template: Promise<Cluster> | undefined

/** Puts that copy into an empty data folder. Of several that do so at once, the first wins. */
export async function initialise(dataDir: string): Promise<void> {
  const settings = { fsync: 'off' } // which initdb heeds; the copy does not have it
  const limits = { signal: AbortSignal.timeout(30_000), log: () => undefined }
  template ??= openCluster({ dataDir: templateDataDir(), settings, ...limits })
  const { dir } = await template
  if (!dir.startsWith(templateDataDir())) return // out of PostgreSQL's reach there, and so here: root keeps it elsewhere
  if (isRoot()) await chmod(dataDir, 0o711)
  if (await stat(join(dataDir, 'postgres')).catch(() => undefined)) return
  const copy = join(dataDir, `copy-${randomUUID()}`)
  await promisify(execFile)('cp', ['-a', dir, copy])
  await rename(copy, join(dataDir, 'postgres')).catch(() => rm(copy, { recursive: true }))
}
