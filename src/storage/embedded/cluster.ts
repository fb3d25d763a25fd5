import { randomBytes, randomUUID } from 'node:crypto'
import {
  appendFile,
  chmod,
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Account, canPass, isRoot, run, unprivilegedAccount } from './as-user.ts'
import { findBinaries, makeHome, sharedHome } from './binaries.ts'
import { type Configurable, settingsFile, writeOwned } from './settings.ts'

/** PostgreSQL's data of one data folder, and what it takes to run it. */
export type Cluster = Configurable & {
  /** Where `postgres` and `pg_ctl` are. */
  bin: string
  password: string
  /** What PostgreSQL writes about itself. */
  logFile: string
}

export type ClusterOptions = {
  dataDir: string
  signal: AbortSignal
  log: (message: string) => void
  /** Settings of PostgreSQL beyond Deed's own. */
  settings?: Readonly<Record<string, string>>
}

/** The superuser of the cluster, and the database that Deed keeps its tables in. */
export const userName = 'deed'
export const databaseName = 'deed'

const passwordFile = 'deed.password'
const abandonedAfterMs = 600_000

/**
 * Opens the cluster of a data folder, `postgres` in it, and makes it where it is missing. Any number of servers may do so
 * at once: each makes one beside it, the first to move it into place wins, and the others use that. Throws an Error of one line.
 */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { signal, settings = {} } = options
  const dataDir = await openDataDir(options.dataDir)
  const link = join(dataDir, 'postgres')
  const account = await accountOf(link)
  const bin = join(await findBinaries(account, dataDir, signal), 'bin')
  if ((await locate(link)) === undefined) await create(link, bin, account, options)
  const dir = await realpath(link)
  const password = (await readFile(join(dir, passwordFile), 'utf8')).trim()
  return { dir, bin, account, password, logFile: join(dataDir, 'postgres.log'), settings }
}

/** The URL of a database of a cluster that listens on `port`. */
export function databaseUrl(cluster: Cluster, port: number, database: string): string {
  return `postgresql://${userName}:${cluster.password}@127.0.0.1:${port}/${database}`
}

async function openDataDir(path: string): Promise<string> {
  try {
    await makeFolder(path)
    return await realpath(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`cannot use the data folder ${resolve(path)} (${reason}); set DEED_DATA_DIR to another`, { cause })
  }
}

/** With its parents. Node's own recursion does not end where a parent that exists takes no folders, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  const parent = dirname(resolve(path))
  const missing = await stat(parent).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
  if (missing) await makeFolder(parent)
  await mkdir(path, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
  })
}

/** Where the cluster is; undefined when there is none yet. */
async function locate(link: string): Promise<string | undefined> {
  try {
    return await realpath(link)
  } catch {
    const target = await readlink(link).catch(() => undefined)
    if (target === undefined) return undefined
    throw new Error(
      `the database of ${dirname(link)} is gone: it was in ${target}; restore it, or remove the link ${link}`,
    )
  }
}

/** An existing cluster keeps its owner, whoever starts it as root; anyone else must be that owner. */
async function accountOf(link: string): Promise<Account | undefined> {
  const dir = await locate(link)
  if (dir === undefined) return unprivilegedAccount()
  const { uid, gid } = await stat(dir)
  if (isRoot()) return { uid, gid }
  if (uid === process.getuid?.()) return undefined
  throw new Error(`the database in ${dir} belongs to user ${uid}: run deed as that user or root, or set DEED_DATA_DIR`)
}

async function create(link: string, bin: string, account: Account | undefined, options: ClusterOptions): Promise<void> {
  const { signal, log } = options
  const reachable = account === undefined || (await letThrough(account, dirname(link)))
  const final = reachable ? link : join(sharedHome, `postgres-${randomUUID()}`)
  await makeHome(dirname(final))
  await removeAbandoned(final)

  const staging = `${final}.new-${randomUUID()}`
  try {
    await mkdir(staging, { mode: 0o700 })
    if (account) await chown(staging, account.uid, account.gid)
    await initialise(staging, bin, account, options.settings ?? {}, signal)
    await moveIntoPlace(join(staging, 'data'), final, link)
    if (!reachable) log(`the database is kept in ${final}: PostgreSQL does not run as root and cannot reach ${link}`)
  } catch (cause) {
    signal.throwIfAborted()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`cannot make a database in ${final}: ${reason}`, { cause })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Root's own data folder is opened for passing through (not for listing) when that is all that is missing. */
async function letThrough(account: Account, dataDir: string): Promise<boolean> {
  if (!(await canPass(account, dirname(dataDir)))) return false
  if (await canPass(account, dataDir)) return true
  const { uid, mode } = await stat(dataDir)
  if (uid !== 0) return false
  await chmod(dataDir, mode | 0o011)
  return true
}

async function initialise(
  staging: string,
  bin: string,
  account: Account | undefined,
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const data = join(staging, 'data')
  const secret = join(staging, passwordFile)
  await writeOwned(secret, `${randomBytes(32).toString('hex')}\n`, account)
  const args = ['-D', data, '-U', userName, '--pwfile', secret, '-A', 'scram-sha-256', '-E', 'UTF8', '--data-checksums']
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '-T', 'english']
  const { fsync } = settings
  const sync = fsync === 'off' ? ['--no-sync'] : []
  await run(join(bin, 'initdb'), [...args, ...locale, ...sync], account, signal)
  await appendFile(join(data, 'postgresql.conf'), `\ninclude_if_exists = '${settingsFile}'\n`, { flush: true })
  await rename(secret, join(data, passwordFile))
  await syncFolder(data)
}

/** With its password inside, the whole cluster appears in one step; a second one finds the place taken, and is dropped. */
async function moveIntoPlace(data: string, final: string, link: string): Promise<void> {
  try {
    await rename(data, final)
    if (final !== link) await symlink(final, link)
  } catch (error) {
    if ((await locate(link)) === undefined) throw error
    if (final !== link) await rm(final, { recursive: true, force: true })
  }
  await syncFolder(dirname(final))
  await syncFolder(dirname(link))
}

/** What a server that was killed while it made a cluster has left. */
async function removeAbandoned(final: string): Promise<void> {
  const parent = dirname(final)
  for (const name of await readdir(parent)) {
    if (!/^postgres.*\.new-/.test(name)) continue
    const path = join(parent, name)
    const made = await stat(path).catch(() => undefined)
    if (made && Date.now() - made.mtimeMs > abandonedAfterMs) await rm(path, { recursive: true, force: true })
  }
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}
