import { defineEntity, p } from '@mikro-orm/core'

/** An immutable version of a contract: the image (a FileDescriptorSet) and its SHA-256. */
export const ContractVersion = defineEntity({
  name: 'ContractVersion',
  tableName: 'contract_version',
  properties: {
    projectId: p.uuid().primary(),
    contract: p.text().primary(),
    version: p.integer().primary(),
    image: p.blob().$type<Buffer>().lazy(),
    digest: p.blob().$type<Buffer>(),
    createdAt: p.datetime(),
  },
})
