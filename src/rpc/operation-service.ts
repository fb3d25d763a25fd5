import {
  BatchSubmitOperationsRequest,
  BatchSubmitOperationsResponse,
  GetOperationRequest,
  GetOperationResponse,
  ListOperationItemsRequest,
  ListOperationItemsResponse,
  ListOperationsRequest,
  ListOperationsResponse,
  RetryOperationRequest,
  RetryOperationResponse,
  SubmitOperationRequest,
  SubmitOperationResponse,
  WatchOperationsRequest,
  WatchOperationsResponse,
} from '../../gen/deed/v1/operation_service.ts'
import type { LiveContracts } from '../contracts/live.ts'
import { dayOf } from '../operations/ids.ts'
import { operationNotFound } from '../operations/outcome.ts'
import type { Database } from '../storage/database.ts'
import type { OperationFilter } from '../storage/statements/operation-row.ts'
import { findOperations } from '../storage/statements/operations.ts'
import { combine } from './filter/combine.ts'
import { parseFilter } from './filter/parse.ts'
import { operationItems } from './operation-items.ts'
import { operationId } from './operation-names.ts'
import { operationPage } from './operation-page.ts'
import { stateNames } from './operation-state.ts'
import { ownMethod, ownStream } from './own-methods.ts'
import { storedOperations } from './stored-operation.ts'
import { batchSubmit } from './submit/batch.ts'
import { retryOperation } from './submit/retry.ts'
import { submitOperation } from './submit/submit.ts'
import type { Submitter } from './submit/submitter.ts'
import type { OperationWatch } from './watch/operation-watch.ts'

/** deed.v1.OperationService. */
export function operationService(db: Database, live: LiveContracts, submitter: Submitter, watch: OperationWatch) {
  return {
    GetOperation: ownMethod(GetOperationRequest, GetOperationResponse, async ({ name }, { principal }) => {
      const id = operationId(name)
      const rows = await findOperations(db.pool, principal.projectId, [{ id, day: dayOf(id) }], 'all')
      const [operation] = await storedOperations(db, live, principal.projectId, rows)
      if (!operation) throw operationNotFound(id)
      return { operation }
    }),

    ListOperations: ownMethod(ListOperationsRequest, ListOperationsResponse, async (request, { principal }) => {
      const { orderBy, pageSize, pageToken } = request
      const filter = combine(fieldsOf(request), parseFilter(request.filter))
      const asked = { filter, orderBy, pageSize, pageToken, payload: 'all' as const }
      const { rows, nextPageToken } = await operationPage(db.pool, principal.projectId, asked)
      return { operations: await storedOperations(db, live, principal.projectId, rows), nextPageToken }
    }),

    ListOperationItems: ownMethod(ListOperationItemsRequest, ListOperationItemsResponse, (request, { principal }) =>
      operationItems(db.pool, live, principal.projectId, request),
    ),

    SubmitOperation: ownMethod(SubmitOperationRequest, SubmitOperationResponse, (request, caller) =>
      submitOperation(submitter, request, caller),
    ),

    BatchSubmitOperations: ownMethod(BatchSubmitOperationsRequest, BatchSubmitOperationsResponse, (request, caller) =>
      batchSubmit(submitter, request, caller),
    ),

    WatchOperations: ownStream(WatchOperationsRequest, WatchOperationsResponse, (request, caller, send) =>
      watch.run(request, caller, send),
    ),

    RetryOperation: ownMethod(RetryOperationRequest, RetryOperationResponse, (request, caller) =>
      retryOperation(db.pool, submitter, request, caller),
    ),
  }
}

/** What the fields of a request ask for beside its filter; null when the method is of another contract. */
function fieldsOf(request: ListOperationsRequest): OperationFilter | null {
  const [method, service] = request.method.split('/').reverse()
  const state = stateNames.get(request.state)
  const contract = request.contract === '' ? {} : { contract: request.contract.slice('contracts/'.length) }
  return combine(contract, {
    ...(service === undefined ? {} : { contract: service }),
    ...(method ? { method } : {}),
    ...(state === undefined ? {} : { state }),
  })
}
