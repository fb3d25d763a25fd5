import { defineEntity, p } from '@mikro-orm/core'

/** The tenant: owns contracts, keys and operations. */
export const Project = defineEntity({
  name: 'Project',
  tableName: 'project',
  properties: {
    id: p.uuid().primary(),
    name: p.text().unique(),
    createdAt: p.datetime().defaultRaw('now()'),
  },
})
