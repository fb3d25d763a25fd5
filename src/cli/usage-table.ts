import { Usage, UsageDimension } from '../../gen/deed/v1/usage.ts'
import { QueryUsageRequest, UsageServiceService as Service } from '../../gen/deed/v1/usage_service.ts'
import type { UsageDimensionName } from './arguments.ts'
import type { CommandContext } from './command.ts'
import { exactDollars, moment } from './format.ts'
import { jsonLine } from './json-line.ts'
import { type Column, type Output, printTable } from './output.ts'
import { ownJson } from './own-json.ts'
import { pages } from './pages.ts'

const dimensions: Readonly<Record<UsageDimensionName, UsageDimension>> = {
  contract: UsageDimension.USAGE_DIMENSION_CONTRACT,
  method: UsageDimension.USAGE_DIMENSION_METHOD,
  model: UsageDimension.USAGE_DIMENSION_MODEL,
  key: UsageDimension.USAGE_DIMENSION_API_KEY,
  day: UsageDimension.USAGE_DIMENSION_DAY,
}

const columns: Readonly<Record<UsageDimensionName, Column<Usage>>> = {
  contract: { title: 'CONTRACT', cell: ({ contract }) => contract.replace('contracts/', ''), shrinks: true },
  method: { title: 'METHOD', cell: ({ method }) => method, shrinks: true },
  model: { title: 'MODEL', cell: ({ model }) => model, shrinks: true },
  key: { title: 'KEY', cell: ({ apiKey }) => apiKey.replace('apiKeys/', '') || '-' },
  day: { title: 'DAY', cell: ({ day }) => day },
}

const amounts: readonly Column<Usage>[] = [
  { title: 'COMPLETIONS', align: 'right', cell: ({ completions }) => String(completions) },
  { title: 'IN', align: 'right', cell: ({ inputTokens }) => String(inputTokens) },
  { title: 'OUT', align: 'right', cell: ({ outputTokens }) => String(outputTokens) },
  { title: 'CACHE READ', align: 'right', spare: true, cell: ({ cacheReadTokens }) => String(cacheReadTokens) },
  { title: 'CACHE WRITE', align: 'right', spare: true, cell: ({ cacheWriteTokens }) => String(cacheWriteTokens) },
  { title: 'COST', align: 'right', cell: ({ costMicroUsd }) => exactDollars(costMicroUsd) },
]

/** `deed usage`: `from` and `to` are UTC days, both counted; undefined for no bound. */
export async function showUsage(
  { connection, output }: CommandContext,
  { from = '', to = '', by }: { from?: string; to?: string; by: readonly UsageDimensionName[] },
): Promise<void> {
  const query = QueryUsageRequest.fromPartial({
    firstDay: from,
    lastDay: to,
    groupBy: by.map((name) => dimensions[name]),
  })
  let asOf: Date | undefined
  const found = pages(async (pageSize, pageToken) => {
    const { response } = await connection.call(Service.queryUsage, { ...query, pageSize, pageToken })
    // Of the first page: what the later ones count besides may be missing from it.
    asOf ??= response.asOf
    return { items: response.usage, nextPageToken: response.nextPageToken }
  })
  const rows = await Array.fromAsync(found)
  if (output.json) {
    for (const row of rows) output.print(jsonLine(ownJson('deed.v1.Usage', Usage, row)))
    return
  }
  print(output, rows, by)
  for (const line of remarks(rows, asOf)) output.remark(line)
}

function print(output: Output, rows: readonly Usage[], by: readonly UsageDimensionName[]): void {
  const total = totalOf(rows)
  const [first, ...others] = by.map((name) => columns[name])
  const titled = first && { ...first, cell: (row: Usage) => (row === total ? 'total' : first.cell(row)) }
  const named = others.map((column) => ({ ...column, cell: (row: Usage) => (row === total ? '' : column.cell(row)) }))
  printTable(output, [...rows, total], [...(titled ? [titled] : []), ...named, ...amounts])
}

function totalOf(rows: readonly Usage[]): Usage {
  const sum = (of: (row: Usage) => bigint) => rows.reduce((total, row) => total + of(row), 0n)
  return Usage.fromPartial({
    completions: sum((row) => row.completions),
    inputTokens: sum((row) => row.inputTokens),
    outputTokens: sum((row) => row.outputTokens),
    cacheReadTokens: sum((row) => row.cacheReadTokens),
    cacheWriteTokens: sum((row) => row.cacheWriteTokens),
    costMicroUsd: sum((row) => row.costMicroUsd),
    unpricedCompletions: sum((row) => row.unpricedCompletions),
    estimatedCompletions: sum((row) => row.estimatedCompletions),
  })
}

function remarks(rows: readonly Usage[], asOf: Date | undefined): string[] {
  const { unpricedCompletions: unpriced, estimatedCompletions: estimated } = totalOf(rows)
  return [
    `counted up to ${moment(asOf)}; what came since follows within seconds`,
    ...(unpriced > 0n ? [`completions whose price is unknown, not in the cost: ${unpriced}`] : []),
    ...(estimated > 0n ? [`completions that were cut off, with tokens that are an estimate: ${estimated}`] : []),
  ]
}
