import { defineEntity, p } from '@mikro-orm/core'

/** One request to a model: a row of the append-only ledger. Tokens are the provider's own count, cost is in micro-dollars. */
export const Completion = defineEntity({
  name: 'Completion',
  tableName: 'completion',
  properties: {
    projectId: p.uuid().primary(),
    operationId: p.uuid().primary(),
    day: p.string().columnType('date').primary(),
    attempt: p.integer().primary(),
    sequence: p.integer().primary(),
    model: p.text(),
    outcome: p.text().$type<'VALID' | 'INVALID' | 'REFUSED' | 'TRUNCATED' | 'FAILED' | 'ABORTED'>(),
    inputTokens: p.integer(),
    outputTokens: p.integer(),
    cacheReadTokens: p.integer(),
    cacheWriteTokens: p.integer(),
    costMicroUsd: p.bigint('bigint').nullable(),
    latencyMs: p.double().$type<number>(),
    providerRequestId: p.text(),
    startedAt: p.datetime(),
    usageEstimated: p.boolean(),
    place: p.bigint('bigint'),
  },
})
