import { randomUUID } from 'node:crypto'
import { v7 } from 'uuid'
import type { Database } from '../storage/database.ts'
import { ApiKey } from '../storage/entities/api-key.ts'
import { Project } from '../storage/entities/project.ts'
import { hashSecret } from './authenticate.ts'
import { createKey } from './keys.ts'

/** The project that exists from the first start. */
const firstProject = 'default'

/**
 * Makes the project `default` with one admin key at the first start. With `given`, that secret becomes an admin key unless it
 * is a key already: one that was revoked stays so.
 * Otherwise a secret is made once, and handed to `save` before it is committed, so that no crash can lose it.
 */
export async function bootstrap(
  db: Database,
  given: string | undefined,
  save: (secret: string) => Promise<void>,
): Promise<void> {
  const em = db.em()
  // Rival replicas at a first start: one inserts, all read.
  await em.execute('insert into project (id, name) values (?, ?) on conflict (name) do nothing', [
    randomUUID(),
    firstProject,
  ])
  const { id } = await em.findOneOrFail(Project, { name: firstProject })
  await em.execute('insert into lane (project_id) values (?) on conflict do nothing', [id])
  if (given !== undefined) {
    await em.execute(
      `insert into api_key (id, project_id, display_name, role, secret_hash) values (?, ?, 'admin key file', 'admin', ?)
        on conflict (secret_hash) do nothing`,
      [v7(), id, hashSecret(given)],
    )
    return
  }
  await em.transactional(async (tx) => {
    await tx.execute('select 1 from project where id = ? for update', [id])
    if ((await tx.count(ApiKey, { projectId: id })) > 0) return
    const { secret } = await createKey({ ...db, em: () => tx }, id, 'first admin key', 'admin')
    await save(secret)
  })
}
