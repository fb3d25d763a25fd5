import { Client } from 'pg'
import type { Child } from './child.ts'
import type { Loaded } from './loaded.ts'
import type { Row } from './rows.ts'
import type { Ticket } from './ticket.ts'

/** Where a server is called, and with what. */
export function targetOf({ ready: { address = '', key } }: Child, { path }: Ticket) {
  const headers = { 'content-type': 'application/grpc', te: 'trailers' }
  // The echo server gets a header of the same length.
  return { address, path, headers: { ...headers, authorization: `Bearer ${key ?? 'none'.padEnd(48, '-')}` } }
}

/** The database that Deed stores in, looked at from outside. */
export async function openDatabase({ ready: { databaseUrl } }: Child) {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  const text = async (sql: string) => String((await client.query<{ text: string }>(sql)).rows[0]?.text)
  return {
    /** How many operations ended with a response. */
    results: async () => Number(await text('select count(*) as text from result where code = 0')),
    /** What makes a commit durable. Throws when it is off: the figures would say nothing. */
    async settings(): Promise<Row[]> {
      const rows: Row[] = [
        { name: 'postgresql', value: await text(`select current_setting('server_version') as text`) },
      ]
      for (const name of ['fsync', 'synchronous_commit']) {
        const value = await text(`select current_setting('${name}') as text`)
        if (value !== 'on') throw new Error(`${name} is ${value}: a durable call cannot be measured`)
        rows.push({ name, value })
      }
      return rows
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

/** A gRPC error has HTTP status 200 too. A stored response for every answered call says that none was one. */
export function requireAnswered({ calls, failed }: Loaded, stored: number, concurrency: number): void {
  if (failed > 0) throw new Error(`${failed} of ${calls + failed} calls failed`)
  // Those under way at the end may be stored as well.
  if (stored >= calls && stored <= calls + concurrency) return
  throw new Error(`${calls} calls were answered, but ${stored} responses stored: some failed`)
}
