import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { lastWords } from './last-words.ts'

/** Whom PostgreSQL's processes run as and its files belong to; undefined where that is simply who we are. */
export type Account = { uid: number; gid: number }

/** What PostgreSQL's programs see of the environment: no `PG…` or locale setting of the caller's shell. */
export const programEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

const accountNames = ['postgres', 'nobody']
const runTimeoutMs = 120_000

/** PostgreSQL refuses to run as root. */
export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** The account to run PostgreSQL under when we are root; undefined when we are not. Throws when there is none. */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  if (!isRoot()) return undefined
  const entries = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of accountNames) {
    const entry = entries.find((fields) => fields[0] === name)
    const uid = Number(entry?.[2])
    const gid = Number(entry?.[3])
    if (uid > 0 && gid > 0) return { uid, gid }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no user postgres or nobody: run deed as another user, or set DATABASE_URL',
  )
}

/** Whether an account may pass through a folder and all that lead to it, by their mode bits. */
export async function canPass(account: Account, folder: string): Promise<boolean> {
  const { mode, uid, gid } = await stat(folder)
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  const parent = dirname(folder)
  return parent === folder || canPass(account, parent)
}

/** Runs a program to its end as `account`. Throws an Error with its last words. */
export async function run(
  file: string,
  args: readonly string[],
  account: Account | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    // The caller's folder may be out of reach for the account, and PostgreSQL's programs look at theirs.
    await promisify(execFile)(file, args, {
      ...account,
      cwd: '/',
      env: programEnvironment,
      timeout: runTimeoutMs,
      signal,
    })
  } catch (error) {
    signal.throwIfAborted()
    const written = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(lastWords(written) ?? reason.split('\n')[0], { cause: error })
  }
}
