import type { Queryable } from './statement.ts'

/** What usage is told apart by, as the columns of `usage u`; text, '' for none. */
const dimensions = {
  contract: 'u.contract',
  method: `u.contract || '/' || u.method`,
  model: 'u.model',
  apiKey: `coalesce(u.api_key_id::text, '')`,
  day: 'u.day::text',
} as const

export type Dimension = keyof typeof dimensions

/** What is set must match. Days are UTC dates, `2026-01-31`, both included; `method` is its name without the contract. */
export type UsageFilter = {
  firstDay?: string
  lastDay?: string
  contract?: string
  method?: string
  model?: string
  apiKeyId?: string
}

/** `after`: the group that was last on the page before, its dimensions in the order of `by`. */
export type UsageQuery = {
  filter: UsageFilter
  by: readonly Dimension[]
  after: readonly string[] | undefined
  limit: number
}

const sums = [
  'valid',
  'invalid',
  'refused',
  'truncated',
  'failed',
  'aborted',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cost_micro_usd',
  'unpriced',
  'estimated',
] as const

export type UsageSums = Record<(typeof sums)[number], bigint>
/** `group`: its dimensions in the order that was asked for. */
export type UsageRow = { group: readonly string[]; sums: UsageSums }

/** A page of a project's usage, in the order of its groups. */
export async function queryUsage(
  db: Queryable,
  projectId: string,
  { filter, by, after, limit }: UsageQuery,
): Promise<UsageRow[]> {
  const values: unknown[] = [projectId, limit]
  const add = (value: unknown) => `$${values.push(value)}`
  const where = ['u.project_id = $1']
  for (const [condition, value] of [
    ['u.day >=', filter.firstDay],
    ['u.day <=', filter.lastDay],
    ['u.contract =', filter.contract],
    ['u.method =', filter.method],
    ['u.model =', filter.model],
    ['u.api_key_id =', filter.apiKeyId],
  ] as const) {
    if (value !== undefined) where.push(`${condition} ${add(value)}`)
  }
  const keys = by.map((dimension, index) => `(${dimensions[dimension]}) collate "C" as k${index}`)
  const names = by.map((_, index) => `k${index}`)
  const beyond = after
    ? `where row(${names.join(', ')}) > row(${after.map((key) => `${add(key)}::text`).join(', ')})`
    : ''
  const text = `
    with g as (
      select ${[...keys, ...sums.map((name) => `coalesce(sum(u.${name}), 0)::text as ${name}`)].join(', ')}
      from usage u where ${where.join(' and ')}
      ${by.length > 0 ? `group by ${by.map((_, index) => index + 1).join(', ')}` : ''})
    select * from g ${beyond} ${by.length > 0 ? `order by ${names.join(', ')}` : ''} limit $2`
  const { rows } = await db.query<Record<string, string>>({ text, values, query_timeout: 30_000 })
  return rows.map((row) => ({ group: names.map((name) => row[name] ?? ''), sums: sumsOf(row) }))
}

function sumsOf(row: Readonly<Record<string, string>>): UsageSums {
  return Object.fromEntries(sums.map((name) => [name, BigInt(row[name] ?? 0)])) as UsageSums
}
