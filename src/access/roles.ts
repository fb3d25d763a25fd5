import { status } from '@grpc/grpc-js'
import { DeedError } from '../errors/deed-error.ts'
import type { Principal, Role } from './principal.ts'

const everyone: readonly Role[] = ['admin', 'publisher', 'caller', 'viewer']
const managers: readonly Role[] = ['admin', 'publisher']
const readers: readonly Role[] = ['admin', 'publisher', 'viewer']
const callers: readonly Role[] = ['admin', 'publisher', 'caller']

/** Which roles may call a method of a published contract. */
export const contractRoles: readonly Role[] = callers

/** Anyone may call these, without a key. Reflection shows a principal's contracts only to that principal. */
export const publicMethods: ReadonlySet<string> = new Set([
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
  '/grpc.health.v1.Health/List',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
])

/** Which roles may call which of Deed's own methods. A method that is not here may be called by none. */
export const methodRoles: ReadonlyMap<string, readonly Role[]> = new Map([
  ['/deed.v1.ContractService/PublishContract', managers],
  ['/deed.v1.ContractService/GetContract', everyone],
  ['/deed.v1.ContractService/ListContracts', everyone],
  ['/deed.v1.ContractService/ListContractVersions', everyone],
  ['/deed.v1.ContractService/ActivateContractVersion', managers],
  ['/deed.v1.ContractService/DeleteContract', managers],
  ['/deed.v1.OperationService/GetOperation', readers],
  ['/deed.v1.OperationService/ListOperations', readers],
  ['/deed.v1.OperationService/ListOperationItems', readers],
  ['/deed.v1.OperationService/SubmitOperation', callers],
  ['/deed.v1.OperationService/BatchSubmitOperations', callers],
  ['/deed.v1.OperationService/WatchOperations', everyone],
  ['/deed.v1.OperationService/RetryOperation', callers],
  ['/deed.v1.ProjectService/GetProject', everyone],
  ['/deed.v1.ProjectService/ListProjects', everyone],
  ['/deed.v1.ProjectService/UpdateProject', ['admin']],
  ['/deed.v1.ApiKeyService/CreateApiKey', ['admin']],
  ['/deed.v1.ApiKeyService/ListApiKeys', ['admin']],
  ['/deed.v1.ApiKeyService/RevokeApiKey', ['admin']],
  ['/deed.v1.UsageService/QueryUsage', readers],
  ['/google.longrunning.Operations/ListOperations', everyone],
  ['/google.longrunning.Operations/GetOperation', everyone],
  ['/google.longrunning.Operations/DeleteOperation', callers],
  ['/google.longrunning.Operations/CancelOperation', callers],
  ['/google.longrunning.Operations/WaitOperation', everyone],
])

/** Throws ROLE_NOT_ALLOWED unless the principal's role is among those that may. */
export function authorize(principal: Principal, path: string, allowed: readonly Role[]): void {
  if (allowed.includes(principal.role)) return
  const who = allowed.length === 0 ? 'no role may' : `${allowed.join(', ')} may`
  throw new DeedError(
    status.PERMISSION_DENIED,
    'ROLE_NOT_ALLOWED',
    `the role ${principal.role} may not call ${path.slice(1)}; ${who}`,
    {
      metadata: { role: principal.role, method: path.slice(1) },
    },
  )
}
