import { type ApiKey, Role } from '../../gen/deed/v1/api_key.ts'
import {
  CreateApiKeyRequest,
  CreateApiKeyResponse,
  ListApiKeysRequest,
  ListApiKeysResponse,
  RevokeApiKeyRequest,
  RevokeApiKeyResponse,
} from '../../gen/deed/v1/api_key_service.ts'
import { createKey, listKeys, revokeKey } from '../access/keys.ts'
import type { Role as RoleName } from '../access/principal.ts'
import type { Database } from '../storage/database.ts'
import { ownMethod } from './own-methods.ts'
import { afterToken, page, pageSize, uuid } from './page.ts'

type Row = { id: string; displayName: string; role: RoleName; createdAt: Date; revokedAt?: Date | null | undefined }

const roleNames: ReadonlyMap<Role, RoleName> = new Map([
  [Role.ROLE_ADMIN, 'admin'],
  [Role.ROLE_PUBLISHER, 'publisher'],
  [Role.ROLE_CALLER, 'caller'],
  [Role.ROLE_VIEWER, 'viewer'],
])
const roles = new Map([...roleNames].map(([role, name]) => [name, role]))

/** deed.v1.ApiKeyService. */
export function apiKeyService(db: Database) {
  return {
    CreateApiKey: ownMethod(CreateApiKeyRequest, CreateApiKeyResponse, async (request, { principal }) => {
      const role = roleNames.get(request.role)
      if (!role) throw new Error(`the role ${request.role} passed validation`)
      const { row, secret } = await createKey(db, principal.projectId, request.displayName, role)
      return { apiKey: toApiKey(row), secret }
    }),

    ListApiKeys: ownMethod(ListApiKeysRequest, ListApiKeysResponse, async (request, { principal }) => {
      const size = pageSize(request.pageSize)
      const keys = await listKeys(db, principal.projectId, size + 1, afterToken(request.pageToken, uuid))
      const { rows, nextPageToken } = page(keys, size, (key) => key.id)
      return { apiKeys: rows.map(toApiKey), nextPageToken }
    }),

    RevokeApiKey: ownMethod(RevokeApiKeyRequest, RevokeApiKeyResponse, async (request, { principal }) => {
      const id = request.name.slice('apiKeys/'.length)
      return { apiKey: toApiKey(await revokeKey(db, principal.projectId, id)) }
    }),
  }
}

function toApiKey(row: Row): ApiKey {
  return {
    name: `apiKeys/${row.id}`,
    displayName: row.displayName,
    role: roles.get(row.role) ?? Role.ROLE_UNSPECIFIED,
    createTime: row.createdAt,
    revokeTime: row.revokedAt ?? undefined,
  }
}
