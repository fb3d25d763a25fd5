import { createHash } from 'node:crypto'
import { type Usage, UsageDimension } from '../../gen/deed/v1/usage.ts'
import { QueryUsageRequest, QueryUsageResponse } from '../../gen/deed/v1/usage_service.ts'
import { usageAsOf } from '../storage/statements/roll-up.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { type Dimension, queryUsage, type UsageFilter, type UsageRow } from '../storage/statements/usage.ts'
import { requestInvalid } from './operation-names.ts'
import { ownMethod } from './own-methods.ts'
import { afterToken, invalidToken, page, pageSize } from './page.ts'

const dimensions: ReadonlyMap<UsageDimension, Dimension> = new Map([
  [UsageDimension.USAGE_DIMENSION_CONTRACT, 'contract'],
  [UsageDimension.USAGE_DIMENSION_METHOD, 'method'],
  [UsageDimension.USAGE_DIMENSION_MODEL, 'model'],
  [UsageDimension.USAGE_DIMENSION_API_KEY, 'apiKey'],
  [UsageDimension.USAGE_DIMENSION_DAY, 'day'],
])

/** A digest of what is asked for, and the last group of a page as a list in JSON. */
const tokenForm = /^[\w-]{11}\["[^\n]*"\]$/

/** deed.v1.UsageService. */
export function usageService(db: Queryable) {
  return {
    QueryUsage: ownMethod(QueryUsageRequest, QueryUsageResponse, async (request, { principal }) => {
      const filter = filterOf(request)
      const by = request.groupBy.flatMap((dimension) => dimensions.get(dimension) ?? [])
      const digest = createHash('sha256')
        .update(JSON.stringify([by, filter]))
        .digest('base64url')
        .slice(0, 11)
      const after = afterGroup(request.pageToken, digest, by.length)
      const size = pageSize(request.pageSize)
      // Read first: what is counted meanwhile is more than it says, not less.
      const asOf = await usageAsOf(db)
      const found = await queryUsage(db, principal.projectId, { filter, by, after, limit: size + 1 })
      const { rows, nextPageToken } = page(found, size, ({ group }) => `${digest}${JSON.stringify(group)}`)
      return { usage: rows.map((row) => toUsage(row, by)), nextPageToken, asOf }
    }),
  }
}

function filterOf(request: QueryUsageRequest): UsageFilter {
  const { firstDay, lastDay, model } = request
  for (const [field, day] of Object.entries({ first_day: firstDay, last_day: lastDay })) {
    if (day === '' || isDay(day)) continue
    throw requestInvalid({ field, description: 'must be a day of the calendar, such as 2026-01-31' })
  }
  if (firstDay !== '' && lastDay !== '' && lastDay < firstDay) {
    throw requestInvalid({ field: 'last_day', description: 'must not be before first_day' })
  }
  if (!isText(model)) throw requestInvalid({ field: 'model', description: 'must be a name without U+0000' })
  const [method, service] = request.method.split('/').reverse()
  const contract = request.contract.slice('contracts/'.length)
  if (service !== undefined && contract !== '' && service !== contract) {
    throw requestInvalid({ field: 'method', description: 'must be one of the contract that is asked for' })
  }
  const stated = {
    firstDay,
    lastDay,
    contract: service ?? contract,
    method,
    model,
    apiKeyId: request.apiKey.slice('apiKeys/'.length),
  }
  return Object.fromEntries(Object.entries(stated).filter(([, value]) => value))
}

function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`)
  // PostgreSQL knows no year 0.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day) && !day.startsWith('0000')
}

function afterGroup(token: string, digest: string, width: number): readonly string[] | undefined {
  const text = afterToken(token, tokenForm)
  if (text === undefined) return undefined
  if (!text.startsWith(digest)) throw invalidToken('is of a query for something else')
  const group = parsed(text.slice(digest.length))
  if (!Array.isArray(group) || group.length !== width || !group.every(isText)) {
    throw invalidToken('is not one that this method returned')
  }
  return group
}

/** Text that PostgreSQL can compare with its own. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function toUsage({ group, sums }: UsageRow, by: readonly Dimension[]): Usage {
  const of = (dimension: Dimension) => group[by.indexOf(dimension)] ?? ''
  const named = (prefix: string, name: string) => (name === '' ? '' : `${prefix}/${name}`)
  const { valid, invalid, refused, truncated, failed, aborted } = sums
  return {
    contract: named('contracts', of('contract')),
    method: of('method'),
    model: of('model'),
    apiKey: named('apiKeys', of('apiKey')),
    day: of('day'),
    completions: valid + invalid + refused + truncated + failed + aborted,
    validCompletions: valid,
    invalidCompletions: invalid,
    refusedCompletions: refused,
    truncatedCompletions: truncated,
    failedCompletions: failed,
    abortedCompletions: aborted,
    inputTokens: sums.input_tokens,
    outputTokens: sums.output_tokens,
    cacheReadTokens: sums.cache_read_tokens,
    cacheWriteTokens: sums.cache_write_tokens,
    costMicroUsd: sums.cost_micro_usd,
    unpricedCompletions: sums.unpriced,
    estimatedCompletions: sums.estimated,
  }
}
