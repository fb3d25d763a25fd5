import { defineEntity, p } from '@mikro-orm/core'

/** A credential. `secretHash` is the SHA-256 of the bearer secret, which is stored nowhere. */
export const ApiKey = defineEntity({
  name: 'ApiKey',
  tableName: 'api_key',
  properties: {
    id: p.uuid().primary(),
    projectId: p.uuid(),
    displayName: p.text(),
    role: p.text().$type<'admin' | 'publisher' | 'caller' | 'viewer'>(),
    secretHash: p.blob().$type<Buffer>().unique(),
    createdAt: p.datetime(),
    revokedAt: p.datetime().nullable(),
  },
})
