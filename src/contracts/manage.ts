import { status } from '@grpc/grpc-js'
import { type EntityManager, LockMode } from '@mikro-orm/postgresql'
import { DeedError } from '../errors/deed-error.ts'
import type { Database } from '../storage/database.ts'
import { Contract as ContractRow } from '../storage/entities/contract.ts'
import { ContractVersion } from '../storage/entities/contract-version.ts'

/** Takes the catalog's next revision. The row stays locked until COMMIT, so revisions are committed in their order. */
export async function nextRevision(em: EntityManager): Promise<bigint> {
  const rows: { revision: string }[] = await em.execute(
    'update catalog set revision = revision + 1 returning revision::text as revision',
  )
  return BigInt(rows[0]?.revision ?? 0)
}

/** Makes an existing version the active one. Throws CONTRACT_NOT_FOUND. */
export async function activate(db: Database, projectId: string, name: string, version: number) {
  return db.em().transactional(async (em) => {
    const revision = await nextRevision(em)
    const row = await em.findOne(ContractRow, { projectId, name }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    if (!row || (await em.count(ContractVersion, { projectId, contract: name, version })) === 0) {
      throw contractNotFound(`contracts/${name}/versions/${version}`)
    }
    row.activeVersion = version
    row.revision = revision
    row.updatedAt = new Date()
    return row
  })
}

/** Takes a contract out of service; its versions stay. Throws CONTRACT_NOT_FOUND. */
export async function remove(db: Database, projectId: string, name: string): Promise<void> {
  await db.em().transactional(async (em) => {
    const revision = await nextRevision(em)
    const row = await em.findOne(
      ContractRow,
      { projectId, name, activeVersion: { $ne: null } },
      { lockMode: LockMode.PESSIMISTIC_WRITE },
    )
    if (!row) throw contractNotFound(`contracts/${name}`)
    row.activeVersion = null
    row.revision = revision
    row.updatedAt = new Date()
  })
}

export function contractNotFound(name: string): DeedError {
  return new DeedError(status.NOT_FOUND, 'CONTRACT_NOT_FOUND', `there is no ${name} in this project`, {
    metadata: { name },
  })
}

/** The project's contracts in service, by name. */
export function listContracts(db: Database, projectId: string, limit: number, after: string | undefined) {
  const name = after === undefined ? {} : { name: { $gt: after } }
  return db
    .em()
    .find(ContractRow, { projectId, activeVersion: { $ne: null }, ...name }, { orderBy: { name: 'asc' }, limit })
}

/** A contract with one of its versions, the active one unless another is named. Throws CONTRACT_NOT_FOUND. */
export async function findContract(db: Database, projectId: string, name: string, version: number | undefined) {
  const em = db.em()
  const contract = await em.findOne(ContractRow, { projectId, name })
  const wanted = version ?? contract?.activeVersion
  const full = version === undefined ? `contracts/${name}` : `contracts/${name}/versions/${version}`
  if (!contract || wanted == null) throw contractNotFound(full)
  const row = await em.findOne(ContractVersion, { projectId, contract: name, version: wanted }, { populate: ['image'] })
  if (!row) throw contractNotFound(full)
  return { contract, version: row }
}

/** A contract's versions below `before`, newest first. Throws CONTRACT_NOT_FOUND. */
export async function listVersions(
  db: Database,
  projectId: string,
  name: string,
  limit: number,
  before: number | undefined,
) {
  const em = db.em()
  const contract = await em.findOne(ContractRow, { projectId, name })
  if (!contract) throw contractNotFound(`contracts/${name}`)
  const below = before === undefined ? {} : { version: { $lt: before } }
  const versions = await em.find(
    ContractVersion,
    { projectId, contract: name, ...below },
    { orderBy: { version: 'desc' }, limit },
  )
  return { contract, versions }
}
