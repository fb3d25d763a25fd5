import { createHash } from 'node:crypto'
import type { OperationFilter, OperationRow, Payload } from '../storage/statements/operation-row.ts'
import { listOperations } from '../storage/statements/operations.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { parseOrder } from './filter/parse.ts'
import { afterToken, invalidToken, pageSize, pageToken } from './page.ts'

/** What is asked for. `filter` is null when nothing can match. */
type Asked = {
  filter: OperationFilter | null
  orderBy: string
  pageSize: number
  pageToken: string
  payload: Payload
}

const tokenForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/[\w-]{11}$/

/** A page of a project's operations. A token is good for the filter and the order of the page that it came with. */
export async function operationPage(
  db: Queryable,
  projectId: string,
  { filter, orderBy, payload, ...asked }: Asked,
): Promise<{ rows: OperationRow[]; nextPageToken: string }> {
  const order = parseOrder(orderBy)
  const digest = digestOf(filter, order)
  const [after, sameListing] = afterToken(asked.pageToken, tokenForm)?.split('/') ?? []
  if (sameListing !== undefined && sameListing !== digest) {
    throw invalidToken('is of a listing with another filter or order_by')
  }
  if (!filter) return { rows: [], nextPageToken: '' }
  const size = pageSize(asked.pageSize)
  const found = await listOperations(db, projectId, { filter, order, after, limit: size + 1, payload })
  // A page that was cut for its size is as full as it gets.
  const rows = found.rows.slice(0, size)
  const last = found.cut || found.rows.length > size ? rows.at(-1) : undefined
  return { rows, nextPageToken: last ? pageToken(`${last.id}/${digest}`) : '' }
}

/** The same for filters that ask for the same, however they are written. */
function digestOf(filter: OperationFilter | null, order: string): string {
  const { accepted, settled, contract, method, state, done } = filter ?? {}
  const spans = [accepted, settled].map((span) => [span?.from, span?.before])
  const text = JSON.stringify([order, filter === null, spans, contract, method, state, done])
  return createHash('sha256').update(text).digest('base64url').slice(0, 11)
}
