import { Client } from 'pg'

/** What a database consists of, as lines that can be compared: the partitions of days are left out. */
export type Catalog = { lines: string[]; columns: Map<string, string[]>; functions: string[] }

/** Runs a script, if one is given, and reads what is there then. */
export async function catalogOf(url: string, script = ''): Promise<Catalog> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    if (script !== '') await client.query(script)
    const read = async (text: string) => (await client.query<{ line: string }>(text)).rows.map(({ line }) => line)
    const lines = [
      ...(await read(tables)),
      ...(await read(columns)),
      ...(await read(indexes)),
      ...(await read(constraints)),
    ]
    const { rows } = await client.query<{ table: string; columns: string[] }>(columnNames)
    return {
      lines,
      columns: new Map(rows.map((row) => [row.table, row.columns])),
      functions: await read(functions),
    }
  } finally {
    await client.end()
  }
}

const own = `c.relnamespace = 'public'::regnamespace and not c.relispartition`

const tables = `select format('table %s %s %s %s', c.relname, c.relkind, pg_get_partkeydef(c.oid), c.reloptions) as line
  from pg_class c where ${own} and c.relkind in ('r', 'p', 'S') order by 1`

const columns = `select format('column %s.%s %s %s%s %s', c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then ' not null' end, pg_get_expr(d.adbin, d.adrelid)) as line
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where ${own} and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped order by 1`

const indexes = `select pg_get_indexdef(i.indexrelid) as line from pg_index i join pg_class c on c.oid = i.indrelid
  where ${own} order by 1`

const constraints = `select format('constraint %s %s %s', c.relname, k.conname, pg_get_constraintdef(k.oid)) as line
  from pg_constraint k join pg_class c on c.oid = k.conrelid where ${own} order by 1`

const functions = `select proname as line from pg_proc where pronamespace = 'public'::regnamespace order by 1`

const columnNames = `select c.relname as "table", array_agg(a.attname::text order by a.attnum) as columns
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  where ${own} and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped group by 1`
