import {
  CancelOperationRequest,
  DeleteOperationRequest,
  GetOperationRequest,
  ListOperationsRequest,
  ListOperationsResponse,
  Operation,
  WaitOperationRequest,
} from '../../gen/google/longrunning/operations.ts'
import { Empty } from '../../gen/google/protobuf/empty.ts'
import type { LiveContracts } from '../contracts/live.ts'
import type { FieldViolation } from '../errors/deed-error.ts'
import { operationNotFound } from '../operations/outcome.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { parseFilter } from './filter/parse.ts'
import { toLongRunning } from './long-running.ts'
import { operationId, operationNotEnded, requestInvalid } from './operation-names.ts'
import { operationPage } from './operation-page.ts'
import { ownMethod } from './own-methods.ts'
import { type WaitParts, waitOperation } from './wait-operation.ts'

/** google.longrunning.Operations, for every operation of the caller's project. */
export function longRunningService(db: Queryable, live: LiveContracts, parts: WaitParts) {
  const { operations, reader } = parts
  return {
    GetOperation: ownMethod(GetOperationRequest, Operation, async ({ name }, { principal: { projectId } }) => {
      const id = operationId(name)
      const row = await reader.read(projectId, id)
      if (!row) throw operationNotFound(id)
      return toLongRunning(live, projectId, row)
    }),

    ListOperations: ownMethod(
      ListOperationsRequest,
      ListOperationsResponse,
      async (request, { principal: { projectId } }) => {
        checkListing(request)
        const { rows, nextPageToken } = await operationPage(db, projectId, {
          filter: parseFilter(request.filter),
          orderBy: '',
          pageSize: request.pageSize,
          pageToken: request.pageToken,
          payload: 'result',
        })
        const shown = rows.map((row) => toLongRunning(live, projectId, row))
        return { operations: await Promise.all(shown), nextPageToken, unreachable: [] }
      },
    ),

    WaitOperation: ownMethod(WaitOperationRequest, Operation, async ({ name, timeout }, caller) => {
      const row = await waitOperation(parts, operationId(name), timeout, caller)
      return toLongRunning(live, caller.principal.projectId, row)
    }),

    CancelOperation: ownMethod(CancelOperationRequest, Empty, async ({ name }, { principal }) => {
      const id = operationId(name)
      const end = await operations.cancel(principal.projectId, id)
      if (end === 'missing') throw operationNotFound(id)
      return {}
    }),

    DeleteOperation: ownMethod(DeleteOperationRequest, Empty, async ({ name }, { principal }) => {
      const id = operationId(name)
      const end = await operations.delete(principal.projectId, id)
      if (end === 'missing') throw operationNotFound(id)
      if (end === 'unfinished') throw operationNotEnded(name, 'cancel it before you delete it')
      return {}
    }),
  }
}

/** What protovalidate would check if google's messages had rules. */
function checkListing({ name, filter, pageSize, pageToken }: ListOperationsRequest): void {
  const violations: FieldViolation[] = []
  const check = (ok: boolean, field: string, description: string) => ok || violations.push({ field, description })
  check(name === '' || name === 'operations', 'name', 'must be "operations" or empty')
  check(filter.length <= 4096, 'filter', 'must have 4096 characters at the most')
  check(pageSize >= 0 && pageSize <= 1000, 'page_size', 'must be from 0 to 1000')
  check(pageToken.length <= 1024, 'page_token', 'must have 1024 characters at the most')
  if (violations.length > 0) throw requestInvalid(...violations)
}
