import { Client } from 'pg'

/** A transaction that has read something, and is held open: nothing that is deleted meanwhile can be vacuumed away. */
export async function holdSnapshot(url: string): Promise<AsyncDisposable> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('begin isolation level repeatable read')
  await client.query('select count(*) from pg_class')
  return { [Symbol.asyncDispose]: () => client.end() }
}
