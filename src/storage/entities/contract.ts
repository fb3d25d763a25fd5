import { defineEntity, p } from '@mikro-orm/core'

/**
 * A protobuf service of a project. `activeVersion` is null once it is deleted; the row stays, so that its version
 * numbers are never used again. `revision` is the catalog's at its last change: replicas follow it.
 */
export const Contract = defineEntity({
  name: 'Contract',
  tableName: 'contract',
  properties: {
    projectId: p.uuid().primary(),
    name: p.text().primary(),
    activeVersion: p.integer().nullable(),
    latestVersion: p.integer(),
    revision: p.bigint('bigint'),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  },
})
