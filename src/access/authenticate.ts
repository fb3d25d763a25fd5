import { createHash } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { DeedError } from '../errors/deed-error.ts'
import { type Queryable, run } from '../storage/statements/statement.ts'
import { storageError } from '../storage/unavailable.ts'
import type { Principal, Role } from './principal.ts'

/** A revoked key is refused within this time everywhere, whatever else fails: nothing needs to arrive for that. */
const freshMs = 500
const maxCached = 10_000

type Cached = { principal: Promise<Principal | undefined>; until: number }
type Row = { keyId: string; projectId: string; role: Role }

/** SHA-256 of a bearer secret: how keys are stored and looked up. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Finds out who calls. A key is looked up once per half second, however many calls it makes. */
export class Authenticator {
  readonly #db: Queryable
  readonly #cache = new Map<string, Cached>()

  constructor(db: Queryable) {
    this.#db = db
  }

  /** `authorization`: the metadata value. Rejects with UNAUTHENTICATED, or UNAVAILABLE when the database cannot say. */
  async authenticate(authorization: string | undefined): Promise<Principal> {
    if (authorization === undefined) {
      throw new DeedError(
        status.UNAUTHENTICATED,
        'CREDENTIALS_MISSING',
        'send the metadata "authorization: Bearer KEY"',
      )
    }
    const secret = /^bearer +([!-~]{1,512})$/i.exec(authorization)?.[1]
    const principal = secret === undefined ? undefined : await this.#lookUp(secret)
    if (principal) return principal
    throw new DeedError(status.UNAUTHENTICATED, 'CREDENTIALS_INVALID', 'the key is unknown, malformed or revoked')
  }

  #lookUp(secret: string): Promise<Principal | undefined> {
    const now = performance.now()
    const known = this.#cache.get(secret)
    if (known && known.until > now) return known.principal
    if (this.#cache.size >= maxCached) this.#cache.clear()
    const principal = this.#query(secret)
    const entry = { principal, until: now + freshMs }
    this.#cache.set(secret, entry)
    principal.catch(() => {
      if (this.#cache.get(secret) === entry) this.#cache.delete(secret)
    })
    return principal
  }

  async #query(secret: string): Promise<Principal | undefined> {
    const text = `select id as "keyId", project_id as "projectId", role from api_key where secret_hash = $1 and revoked_at is null`
    try {
      return (await run<Row>(this.#db, 'authenticate', text, [hashSecret(secret)]))[0]
    } catch (error) {
      throw storageError(error)
    }
  }
}
