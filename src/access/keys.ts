import { randomBytes } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { v7 } from 'uuid'
import { DeedError } from '../errors/deed-error.ts'
import type { Database } from '../storage/database.ts'
import { ApiKey } from '../storage/entities/api-key.ts'
import { hashSecret } from './authenticate.ts'
import type { Role } from './principal.ts'

/** A new bearer secret: 256 random bits, with a prefix that secret scanners can know. */
export function newSecret(): string {
  return `deed_${randomBytes(32).toString('base64url')}`
}

/** Makes a key and returns its row with the secret, which is stored nowhere. */
export async function createKey(
  db: Database,
  projectId: string,
  displayName: string,
  role: Role,
  secret = newSecret(),
) {
  const em = db.em()
  const row = em.create(ApiKey, {
    id: v7(),
    projectId,
    displayName,
    role,
    secretHash: hashSecret(secret),
    createdAt: new Date(),
    revokedAt: null,
  })
  await em.flush()
  return { row, secret }
}

/** A project's keys, newest first: their ids are UUIDv7. */
export function listKeys(db: Database, projectId: string, limit: number, after: string | undefined) {
  const where = after === undefined ? { projectId } : { projectId, id: { $lt: after } }
  return db.em().find(ApiKey, where, { orderBy: { id: 'desc' }, limit })
}

/** Revokes a key; doing it again changes nothing. Throws API_KEY_NOT_FOUND. */
export async function revokeKey(db: Database, projectId: string, id: string) {
  const em = db.em()
  const row = await em.findOne(ApiKey, { projectId, id })
  if (!row) {
    const name = `apiKeys/${id}`
    throw new DeedError(status.NOT_FOUND, 'API_KEY_NOT_FOUND', `there is no ${name} in this project`, {
      metadata: { name },
    })
  }
  row.revokedAt ??= new Date()
  await em.flush()
  return row
}
