import type { ListOperationItemsRequest, ListOperationItemsResponse } from '../../gen/deed/v1/operation_service.ts'
import type { LiveContracts } from '../contracts/live.ts'
import { dayOf } from '../operations/ids.ts'
import { operationNotFound } from '../operations/outcome.ts'
import { countItems, readItems } from '../storage/statements/items.ts'
import { findOperations } from '../storage/statements/operations.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { any } from './long-running.ts'
import { operationId } from './operation-names.ts'
import { afterToken, pageSize, pageToken } from './page.ts'

/** A page of the items of an operation. A token is the number of the last item before it. */
export async function operationItems(
  db: Queryable,
  live: LiveContracts,
  projectId: string,
  { name, ...asked }: ListOperationItemsRequest,
): Promise<ListOperationItemsResponse> {
  const id = operationId(name)
  const day = dayOf(id)
  const after = Number(afterToken(asked.pageToken, /^\d{1,9}$/) ?? 0)
  const [row] = await findOperations(db, projectId, [{ id, day }], 'error')
  if (!row) throw operationNotFound(id)
  const ref = { projectId, operationId: id, day }
  const method = (await live.version(projectId, row.contract, row.version))?.methods.get(row.method)
  const items = await readItems(db, ref, after, pageSize(asked.pageSize))
  const count = (await countItems(db, [ref])).get(id) ?? 0
  const last = after + items.length
  return {
    items: items.map((payload) => any(method?.output.typeName, payload)),
    nextPageToken: items.length > 0 && last < count ? pageToken(String(last)) : '',
  }
}
