import { createHash } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { type EntityManager, LockMode } from '@mikro-orm/postgresql'
import { DeedError } from '../errors/deed-error.ts'
import type { Database } from '../storage/database.ts'
import { Contract as ContractRow } from '../storage/entities/contract.ts'
import { ContractVersion } from '../storage/entities/contract-version.ts'
import { breakingChanges } from './breaking.ts'
import { checkImage } from './check.ts'
import { contractInvalid } from './fault.ts'
import { type Image, readImage } from './image.ts'
import { nextRevision } from './manage.ts'

export type PublishOptions = { allowBreaking: boolean; validateOnly: boolean }
/** One service of a published image. `created` is false when an identical version existed. */
export type Published = {
  name: string
  version: number
  createdAt: Date
  digest: Buffer
  image: Image
  created: boolean
}

/** How often publishing starts again because another publisher activated a version in between. */
const maxTries = 3

/**
 * Checks an image, gives each of its services the next version, stores and activates them: all or nothing. A version with
 * the same bytes is activated instead of made again. Throws CONTRACT_INVALID with every fault, or CONTRACT_BREAKING.
 */
export async function publish(
  db: Database,
  projectId: string,
  bytes: Uint8Array,
  options: PublishOptions,
  signal: AbortSignal,
): Promise<Published[]> {
  const image = readImage(bytes)
  const faults = await checkImage(image, signal)
  if (faults.length > 0) throw contractInvalid(faults)
  const digest = createHash('sha256').update(bytes).digest()
  const names = image.services.map((service) => service.typeName)
  for (let attempt = 1; ; attempt++) {
    const checked = await activeVersions(db, projectId, names)
    if (!options.allowBreaking) await refuseBreaking(db, projectId, bytes, digest, checked, signal)
    if (options.validateOnly)
      return Promise.all(names.map((name) => preview(db, projectId, name, checked.get(name), digest, image)))
    const unchanged = options.allowBreaking ? undefined : checked
    const published = await store(db, projectId, Buffer.from(bytes), digest, image, unchanged)
    if (published) return published
    if (attempt === maxTries) {
      const message = 'other versions of these contracts are being published; send the call again'
      throw new DeedError(status.ABORTED, 'CONTRACT_CONTENDED', message, { retryDelayMs: 1000 })
    }
  }
}

type Active = { activeVersion: number | null | undefined; latestVersion: number }

async function activeVersions(db: Database, projectId: string, names: readonly string[]): Promise<Map<string, Active>> {
  const rows = await db.em().find(ContractRow, { projectId, name: { $in: [...names] } })
  return new Map(rows.map((row) => [row.name, { activeVersion: row.activeVersion, latestVersion: row.latestVersion }]))
}

async function refuseBreaking(
  db: Database,
  projectId: string,
  bytes: Uint8Array,
  digest: Buffer,
  active: ReadonlyMap<string, Active>,
  signal: AbortSignal,
): Promise<void> {
  const preconditions: { type: string; subject: string; description: string }[] = []
  // Services that were published together share an image: it is compared once.
  const compared = new Set<string>()
  for (const [name, { activeVersion }] of active) {
    if (activeVersion == null) continue
    const old = await db
      .em(signal)
      .findOne(ContractVersion, { projectId, contract: name, version: activeVersion }, { populate: ['image'] })
    if (!old || old.digest.equals(digest) || compared.has(old.digest.toString('hex'))) continue
    compared.add(old.digest.toString('hex'))
    for (const { file, line, message } of await breakingChanges(old.image, bytes, signal)) {
      const place = line === undefined ? file : `${file}:${line}`
      preconditions.push({
        type: 'BREAKING_CHANGE',
        subject: `contracts/${name}/versions/${activeVersion}`,
        description: `${place}: ${message}`,
      })
    }
  }
  if (preconditions.length === 0) return
  const count = preconditions.length === 1 ? '1 change breaks' : `${preconditions.length} changes break`
  throw new DeedError(
    status.FAILED_PRECONDITION,
    'CONTRACT_BREAKING',
    `${count} callers of the active version; mend them, or set allow_breaking`,
    { preconditions },
  )
}

/** The version that would be made, or the one that an identical image has. */
async function preview(
  db: Database,
  projectId: string,
  name: string,
  active: Active | undefined,
  digest: Buffer,
  image: Image,
): Promise<Published> {
  const existing = await identicalVersion(db.em(), projectId, name, digest)
  const version = existing?.version ?? (active?.latestVersion ?? 0) + 1
  return { name, version, createdAt: existing?.createdAt ?? new Date(), digest, image, created: !existing }
}

function identicalVersion(em: EntityManager, projectId: string, contract: string, digest: Buffer) {
  return em.findOne(ContractVersion, { projectId, contract, digest }, { orderBy: { version: 'desc' } })
}

/** Undefined when other versions are active than those that the image was compared with, if it was. */
async function store(
  db: Database,
  projectId: string,
  bytes: Buffer,
  digest: Buffer,
  image: Image,
  compared: ReadonlyMap<string, Active> | undefined,
): Promise<Published[] | undefined> {
  return db.em().transactional(async (em) => {
    const revision = await nextRevision(em)
    const now = new Date()
    const published: Published[] = []
    for (const { typeName: name } of image.services) {
      const row = await em.findOne(ContractRow, { projectId, name }, { lockMode: LockMode.PESSIMISTIC_WRITE })
      if (compared && (row?.activeVersion ?? null) !== (compared.get(name)?.activeVersion ?? null)) {
        em.clear()
        return undefined
      }
      const existing = await identicalVersion(em, projectId, name, digest)
      const version = existing?.version ?? (row?.latestVersion ?? 0) + 1
      if (row) {
        row.activeVersion = version
        row.latestVersion = Math.max(row.latestVersion, version)
        row.revision = revision
        row.updatedAt = now
      } else {
        em.create(ContractRow, {
          projectId,
          name,
          activeVersion: version,
          latestVersion: version,
          revision,
          createdAt: now,
          updatedAt: now,
        })
      }
      // The foreign key has no relation in the entities, so the order is ours to keep.
      await em.flush()
      if (!existing)
        em.create(ContractVersion, { projectId, contract: name, version, image: bytes, digest, createdAt: now })
      await em.flush()
      published.push({ name, version, createdAt: existing?.createdAt ?? now, digest, image, created: !existing })
    }
    return published
  })
}
