import { migrate } from '../storage/migrate.ts'
import { jsonLine } from './json-line.ts'
import type { Output } from './output.ts'

/** Where the data is: a PostgreSQL of one's own, or the folder of the embedded one. */
export type Storage = { databaseUrl: string | undefined; dataDir: string }

/** `deed migrate`: brings the database to this release's schema, for those who do not leave that to the server's start. */
export async function runMigrations(storage: Storage, output: Output, signal: AbortSignal): Promise<void> {
  using progress = output.progress('migrating the database')
  const names = await ranOn(storage, output, signal)
  progress[Symbol.dispose]()
  if (output.json) output.print(jsonLine({ migrations: names }))
  else output.print(names.length === 0 ? 'the database is up to date' : `ran ${names.join(', ')}`)
}

async function ranOn({ databaseUrl, dataDir }: Storage, output: Output, signal: AbortSignal): Promise<string[]> {
  if (databaseUrl !== undefined) return await migrate(databaseUrl)
  const { startEmbedded } = await import('../storage/embedded.ts')
  const log = (message: string) => output.remark(output.json ? jsonLine({ message }) : message)
  await using embedded = await startEmbedded({ dataDir, signal, log })
  return await migrate(embedded.url)
}
