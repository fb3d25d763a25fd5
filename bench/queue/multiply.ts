import { Client } from 'pg'

/** Has a table hold `count` rows like its only one, each with what `fresh` says for some of its columns. */
export async function multiply(
  client: Client,
  table: string,
  fresh: Readonly<Record<string, string>>,
  count: number,
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(attname) as name from pg_attribute
      where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attidentity = ''`,
    [table],
  )
  const names = rows.map(({ name }) => name)
  const values = names.map((name) => fresh[name] ?? `t.${name}`)
  await client.query(
    `insert into ${table} (${names.join(', ')}) select ${values.join(', ')} from ${table} t, generate_series(2, ${count})`,
  )
}

/** On a connection of its own, whose statements may take as long as they take. */
export async function apart(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
