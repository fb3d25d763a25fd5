import { Client } from 'pg'
import { openDatabase } from './database.ts'
import { functions } from './statements/functions.ts'
import { makePartitions } from './statements/partitions.ts'

/** Any constant does, as long as every release of Deed has the same. */
const lockKey = '7306357892346110976'

/**
 * Brings the database to this release's schema, one replica at a time (a session advisory lock). Throws, and leaves what
 * the failed migration did undone, when one fails. Returns the names of the migrations that ran.
 */
export async function migrate(url: string): Promise<string[]> {
  const client = new Client({ connectionString: url, application_name: 'deed migrate', connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect().catch((error: unknown) => {
    throw unreachable(error)
  })
  try {
    await requirePostgres15(client)
    await client.query("set lock_timeout = '120 s'")
    await client.query('select pg_advisory_lock($1)', [lockKey])
    await using database = await openDatabase(url, { connections: 2 })
    const ran = await database.orm.migrator.up()
    await client.query('begin')
    for (const text of functions) await client.query(text)
    await client.query('commit')
    await makePartitions(client)
    return ran.map((migration) => migration.name)
  } finally {
    await client.end()
  }
}

async function requirePostgres15(client: Client): Promise<void> {
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version_num') as version")
  const version = Number(rows[0]?.version)
  if (version < 150_000)
    throw new Error(`PostgreSQL 15 or newer is needed; DATABASE_URL names ${Math.floor(version / 10_000)}`)
}

/** Says nothing of the URL, which holds a password. */
export function unreachable(error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
  const what = error instanceof Error && code === '' ? ` (${error.message})` : code
  return new Error(`cannot use the PostgreSQL of DATABASE_URL${what}: start it, or correct the URL`, { cause: error })
}
