import { randomUUID } from 'node:crypto'
import { createKey } from '../../src/access/keys.ts'
import { openDatabase } from '../../src/storage/database.ts'

/** Makes a project with a key in the database, and returns both. */
export async function makeProject(url: string, name: string): Promise<{ id: string; secret: string }> {
  await using db = await openDatabase(url, { connections: 1 })
  const id = randomUUID()
  await db.pool.query('insert into project (id, name) values ($1, $2)', [id, name])
  await db.pool.query('insert into lane (project_id) values ($1)', [id])
  const { secret } = await createKey(db, id, name, 'admin')
  return { id, secret }
}
