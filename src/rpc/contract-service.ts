import { status } from '@grpc/grpc-js'
import type { Contract, ContractVersion } from '../../gen/deed/v1/contract.ts'
import {
  ActivateContractVersionRequest,
  ActivateContractVersionResponse,
  DeleteContractRequest,
  DeleteContractResponse,
  GetContractRequest,
  GetContractResponse,
  ListContractsRequest,
  ListContractsResponse,
  ListContractVersionsRequest,
  ListContractVersionsResponse,
  PublishContractRequest,
  PublishContractResponse,
} from '../../gen/deed/v1/contract_service.ts'
import type { LiveContracts } from '../contracts/live.ts'
import { activate, contractNotFound, findContract, listContracts, listVersions, remove } from '../contracts/manage.ts'
import { loadContracts } from '../contracts/method.ts'
import { publish } from '../contracts/publish.ts'
import { DeedError } from '../errors/deed-error.ts'
import type { Database } from '../storage/database.ts'
import { ownMethod } from './own-methods.ts'
import { afterToken, page, pageSize } from './page.ts'

type ContractRow = {
  name: string
  activeVersion?: number | null | undefined
  latestVersion: number
  createdAt: Date
  updatedAt: Date
}
type VersionRow = { name: string; version: number; createdAt: Date; digest: Buffer }
type Loaded = ReturnType<typeof loadContracts>[number]

/** deed.v1.ContractService. After a change this replica is up to it before it answers; the others follow. */
export function contractService(db: Database, live: LiveContracts) {
  return {
    PublishContract: ownMethod(
      PublishContractRequest,
      PublishContractResponse,
      async (request, { principal, signal }) => {
        const { image, allowBreaking, validateOnly } = request
        const published = await publish(db, principal.projectId, image, { allowBreaking, validateOnly }, signal)
        if (!validateOnly) await live.refresh()
        const versions = published.map((version) => {
          const loaded = loadContracts(version.image, () => version.version).find(({ name }) => name === version.name)
          return toVersion(version, !validateOnly, loaded)
        })
        return { versions }
      },
    ),

    GetContract: ownMethod(GetContractRequest, GetContractResponse, async (request, { principal }) => {
      const { name, version } = parseName(request.name)
      const found = await findContract(db, principal.projectId, name, version)
      const loaded = await live.version(principal.projectId, name, found.version.version)
      const { contract, version: row } = found
      return {
        contract: toContract(contract),
        version: toVersion(
          { ...row, name, digest: row.digest, version: row.version },
          row.version === contract.activeVersion,
          loaded,
        ),
        image: row.image,
      }
    }),

    ListContracts: ownMethod(ListContractsRequest, ListContractsResponse, async (request, { principal }) => {
      const size = pageSize(request.pageSize)
      const found = await listContracts(db, principal.projectId, size + 1, afterToken(request.pageToken, /^[\w.]+$/))
      const { rows, nextPageToken } = page(found, size, (contract) => contract.name)
      return { contracts: rows.map(toContract), nextPageToken }
    }),

    ListContractVersions: ownMethod(
      ListContractVersionsRequest,
      ListContractVersionsResponse,
      async (request, { principal }) => {
        const { name } = parseName(request.parent)
        const size = pageSize(request.pageSize)
        const before = afterToken(request.pageToken, /^[1-9]\d{0,8}$/)
        const { contract, versions } = await listVersions(
          db,
          principal.projectId,
          name,
          size + 1,
          before === undefined ? undefined : Number(before),
        )
        const { rows, nextPageToken } = page(versions, size, (row) => String(row.version))
        const shown = rows.map(async (row) =>
          toVersion(
            { ...row, name },
            row.version === contract.activeVersion,
            await live.version(principal.projectId, name, row.version),
          ),
        )
        return { versions: await Promise.all(shown), nextPageToken }
      },
    ),

    ActivateContractVersion: ownMethod(
      ActivateContractVersionRequest,
      ActivateContractVersionResponse,
      async (request, { principal }) => {
        const { name, version } = parseName(request.name)
        if (version === undefined)
          throw new DeedError(status.INVALID_ARGUMENT, 'REQUEST_INVALID', 'the name lacks /versions/{n}')
        const row = await activate(db, principal.projectId, name, version)
        await live.refresh()
        return { contract: toContract(row) }
      },
    ),

    DeleteContract: ownMethod(DeleteContractRequest, DeleteContractResponse, async (request, { principal }) => {
      const { name } = parseName(request.name)
      await remove(db, principal.projectId, name)
      await live.refresh()
      return {}
    }),
  }
}

/** `contracts/{package.Service}` or `contracts/{package.Service}/versions/{n}`, as its rule has it. */
function parseName(resource: string): { name: string; version: number | undefined } {
  const [, name, , version] = resource.split('/')
  if (name === undefined) throw contractNotFound(resource)
  return { name, version: version === undefined ? undefined : Number(version) }
}

function toContract(row: ContractRow): Contract {
  return {
    name: `contracts/${row.name}`,
    activeVersion: row.activeVersion ?? 0,
    latestVersion: row.latestVersion,
    createTime: row.createdAt,
    updateTime: row.updatedAt,
  }
}

function toVersion(row: VersionRow, active: boolean, loaded: Loaded | undefined): ContractVersion {
  const methods = [...(loaded?.methods.values() ?? [])].map((method) => ({
    method: method.path.slice(1),
    requestType: method.desc.input.typeName,
    responseType: method.output.typeName,
    models: [...method.policy.models],
  }))
  return {
    name: `contracts/${row.name}/versions/${row.version}`,
    version: row.version,
    active,
    createTime: row.createdAt,
    digest: row.digest.toString('hex'),
    methods,
  }
}
