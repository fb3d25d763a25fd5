import { Client } from 'pg'

/** The right to a data folder: one connection's, for as long as that lasts. */
export type FolderLock = {
  /** Turns false when the connection is lost, and the right with it. */
  readonly held: boolean
  release(): Promise<void>
}

// Two numbers that make one key: "DEED", and what of it.
const key = [0x44_45_45_44, 1]
const timeoutMs = 5000

/**
 * Tries to take the lock of the data folder whose cluster is in `dir`. `url` is of the database `postgres`: advisory locks
 * are a database's own. Returns 'taken' when another server has it; throws when PostgreSQL cannot be reached there.
 */
export async function tryFolderLock(url: string, dir: string): Promise<FolderLock | 'taken'> {
  const client = new Client({
    connectionString: url,
    application_name: 'deed folder lock',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  let held = false
  const lose = () => {
    held = false
  }
  client.on('error', lose) // without a listener a lost connection would end the process
  client.on('end', lose)
  try {
    await client.connect()
    const { rows } = await client.query<{ dir: string; taken: boolean }>(
      "select current_setting('data_directory') as dir, pg_try_advisory_lock($1, $2) as taken",
      key,
    )
    if (rows[0]?.dir !== dir) throw new Error(`another PostgreSQL answers in place of the one in ${dir}`)
    held = rows[0].taken
  } finally {
    if (!held) await client.end().catch(() => undefined)
  }
  if (!held) return 'taken'
  return {
    get held() {
      return held
    },
    async release() {
      if (held) await client.end().catch(() => undefined)
    },
  }
}
