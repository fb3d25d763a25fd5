import { firstIdAt, lastIdAt } from './id-bounds.ts'
import type { Listing, OperationFilter, Span, State } from './operation-row.ts'

/** Which rows are walked in the order of their ids, and the condition on them. The operation is then looked up by its key. */
type Walk = { from: string; id: string; where: string }

const ofResult = (where: string): Walk => ({ from: 'result', id: 'id', where })
const ofPlace = (from: string): Walk => ({ from, id: 'operation_id', where: 'true' })
const unfinished = `(select project_id, operation_id, day from ready union all
      select project_id, operation_id, day from timer union all select project_id, operation_id, day from lease)`

/** As the partial index on what did not succeed has it: `= false` would become `<> 1`, which it does not serve. */
const walks: Partial<Record<State, Walk>> = {
  FAILED: ofResult('s.code <> 0 and (s.code = 1) is false'),
  CANCELLED: ofResult('s.code <> 0 and (s.code = 1) is true'),
  READY: ofPlace('ready'),
  WAITING: ofPlace('timer'),
  RUNNING: ofPlace('lease'),
}

/**
 * The operations `o` of a listing in its order, as a select to which a limit is added; what it needs is appended to `values`,
 * the first of which is the project. Each way starts with rows that an index gives in the order of their ids, newest or oldest
 * first, or, for results of a span of time, with those that the index on settled_at names.
 */
export function listingSource({ filter, order, after }: Listing, values: unknown[]): string {
  const add = (value: unknown) => `$${values.push(value)}`
  const beyond = order === 'desc' ? '<' : '>'
  const walk = walkOf(filter)
  const id = walk ? `s.${walk.id}` : 'o.id'
  const [first, of] = walk ? ['s', 'o'] : ['o', 'o']
  const walked = [`${first}.project_id = $1`]
  const looked: string[] = []
  if (after !== undefined) walked.push(`${id} ${beyond} ${add(after)}`)
  for (const [operator, bound] of idBounds(filter)) {
    walked.push(`${id} ${operator} ${add(bound.id)}`, `${first}.day ${operator} ${add(bound.day)}`)
  }
  if (filter.contract !== undefined) looked.push(`${of}.contract = ${add(filter.contract)}`)
  if (filter.method !== undefined) looked.push(`${of}.method = ${add(filter.method)}`)
  looked.push(...within(`${of}.accepted_at`, filter.accepted, add))
  const settled = within(walk ? 's.settled_at' : 'settled_at', filter.settled, add)
  if (walk) {
    return `select o.* from ${walk.from} s cross join lateral (
        select * from operation o where ${[`o.project_id = $1`, `o.id = ${id}`, 'o.day = s.day', ...looked].join(' and ')} limit 1) o
      where ${[...walked, walk.where, ...settled].join(' and ')} order by ${id} ${order}`
  }
  const succeeded = `cross join lateral (
        select 1 from result where project_id = $1 and id = o.id and day = o.day and code = 0 limit 1) s`
  return `select o.* from operation o ${filter.state === 'SUCCEEDED' ? succeeded : ''}
      where ${[...walked, ...looked].join(' and ')} order by ${id} ${order}`
}

function walkOf({ state, done, settled }: OperationFilter): Walk | undefined {
  const walk = state && walks[state]
  if (walk) return walk
  if (done === false) return ofPlace(unfinished)
  // Without a span of time, successes are found soonest among all operations: nearly all are.
  if (settled) return ofResult(state === 'SUCCEEDED' ? 's.code = 0' : 'true')
  return done && state === undefined ? ofResult('true') : undefined
}

function idBounds({ accepted, settled }: OperationFilter): ['>=' | '<=', { id: string; day: string }][] {
  const bounds: ReturnType<typeof idBounds> = []
  if (accepted?.from !== undefined) bounds.push(['>=', firstIdAt(accepted.from)])
  // What has ended by a time was accepted by it.
  for (const span of [accepted, settled]) if (span?.before !== undefined) bounds.push(['<=', lastIdAt(span.before)])
  return bounds
}

function within(column: string, span: Span | undefined, add: (value: unknown) => string): string[] {
  const time = (ms: number) => `to_timestamp(${add(ms)}::float8 / 1000)`
  return [
    ...(span?.from === undefined ? [] : [`${column} >= ${time(span.from)}`]),
    ...(span?.before === undefined ? [] : [`${column} < ${time(span.before)}`]),
  ]
}
