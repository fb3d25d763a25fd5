import type { Database } from '../storage/database.ts'
import { Contract as ContractRow } from '../storage/entities/contract.ts'
import { ContractVersion } from '../storage/entities/contract-version.ts'
import { run } from '../storage/statements/statement.ts'
import { readImage } from './image.ts'
import { type Contract, loadContracts } from './method.ts'

/** Which version of a project's contract is active at a revision of the catalog; undefined when it was deleted. */
export type CatalogChange = { projectId: string; name: string; version: number | undefined }

/** The catalog's revision: it grows with every change of any contract. */
export async function catalogRevision(db: Database): Promise<bigint> {
  const rows = await run<{ revision: string }>(db.pool, 'catalog_revision', 'select revision::text from catalog', [])
  return BigInt(rows[0]?.revision ?? 0)
}

/** What changed after a revision. */
export async function catalogChanges(db: Database, after: bigint): Promise<CatalogChange[]> {
  const rows = await db.em().find(ContractRow, { revision: { $gt: after } })
  return rows.map(({ projectId, name, activeVersion }) => ({ projectId, name, version: activeVersion ?? undefined }))
}

/** A stored version, compiled. Undefined when there is none. */
export async function loadVersion(
  db: Database,
  projectId: string,
  name: string,
  version: number,
): Promise<Contract | undefined> {
  const row = await db.em().findOne(ContractVersion, { projectId, contract: name, version }, { populate: ['image'] })
  return row ? loadContracts(readImage(row.image), () => version).find((contract) => contract.name === name) : undefined
}
