import { status } from '@grpc/grpc-js'
import { type Completion, CompletionOutcome, type Operation, OperationState } from '../../gen/deed/v1/operation.ts'
import {
  GetOperationRequest,
  GetOperationResponse,
  ListOperationsRequest,
  ListOperationsResponse,
} from '../../gen/deed/v1/operation_service.ts'
import type { Any } from '../../gen/google/protobuf/any.ts'
import { Status } from '../../gen/google/rpc/status.ts'
import type { LiveContracts } from '../contracts/live.ts'
import { DeedError } from '../errors/deed-error.ts'
import type { Database } from '../storage/database.ts'
import { Completion as CompletionEntity } from '../storage/entities/completion.ts'
import { type OperationFilter, type OperationRow, operations, type State } from '../storage/statements/operations.ts'
import { ownMethod } from './own-methods.ts'
import { afterToken, page, pageSize, uuid } from './page.ts'

const states: Record<State, OperationState> = {
  READY: OperationState.OPERATION_STATE_READY,
  WAITING: OperationState.OPERATION_STATE_WAITING,
  RUNNING: OperationState.OPERATION_STATE_RUNNING,
  SUCCEEDED: OperationState.OPERATION_STATE_SUCCEEDED,
  FAILED: OperationState.OPERATION_STATE_FAILED,
  CANCELLED: OperationState.OPERATION_STATE_CANCELLED,
}
const stateNames = new Map(Object.entries(states).map(([name, state]) => [state, name as State]))

const outcomes = {
  VALID: CompletionOutcome.COMPLETION_OUTCOME_VALID,
  INVALID: CompletionOutcome.COMPLETION_OUTCOME_INVALID,
  REFUSED: CompletionOutcome.COMPLETION_OUTCOME_REFUSED,
  TRUNCATED: CompletionOutcome.COMPLETION_OUTCOME_TRUNCATED,
  FAILED: CompletionOutcome.COMPLETION_OUTCOME_FAILED,
  ABORTED: CompletionOutcome.COMPLETION_OUTCOME_ABORTED,
}

/** deed.v1.OperationService. */
export function operationService(db: Database, live: LiveContracts) {
  async function shown(projectId: string, rows: readonly OperationRow[]): Promise<Operation[]> {
    const ledger = await ledgerOf(db, projectId, rows)
    return Promise.all(
      rows.map(async (row) => {
        const contract = await live.version(projectId, row.contract, row.version)
        const method = contract?.methods.get(row.method)
        return toOperation(row, ledger.get(row.id) ?? [], method?.input.typeName, method?.output.typeName)
      }),
    )
  }

  return {
    GetOperation: ownMethod(GetOperationRequest, GetOperationResponse, async ({ name }, { principal }) => {
      const { rows } = await operations(db.pool, principal.projectId, { ids: [name.slice('operations/'.length)] }, 1)
      const [operation] = await shown(principal.projectId, rows)
      if (operation) return { operation }
      throw new DeedError(status.NOT_FOUND, 'OPERATION_NOT_FOUND', `there is no ${name} in this project`, {
        metadata: { name },
      })
    }),

    ListOperations: ownMethod(ListOperationsRequest, ListOperationsResponse, async (request, { principal }) => {
      const size = pageSize(request.pageSize)
      const filter = filterOf(request)
      const found = filter ? await operations(db.pool, principal.projectId, filter, size + 1) : { rows: [], cut: false }
      // A page that was cut for its size is as full as it gets.
      const full = found.cut ? Math.min(size, found.rows.length) : size
      const { rows: inPage, nextPageToken } = page(
        found.rows,
        full,
        (row) => row.id,
        found.cut || found.rows.length > size,
      )
      return { operations: await shown(principal.projectId, inPage), nextPageToken }
    }),
  }
}

/** Undefined when nothing can match: the method is of another contract. */
function filterOf(request: ListOperationsRequest): OperationFilter | undefined {
  const before = afterToken(request.pageToken, uuid)
  const [method, service] = request.method.split('/').reverse()
  const contract = request.contract === '' ? service : request.contract.slice('contracts/'.length)
  if (service !== undefined && service !== contract) return undefined
  const state = stateNames.get(request.state)
  return {
    ...(before === undefined ? {} : { before }),
    ...(contract === undefined ? {} : { contract }),
    ...(method ? { method } : {}),
    ...(state === undefined ? {} : { state }),
  }
}

type Ledger = Awaited<ReturnType<typeof findCompletions>>

function findCompletions(db: Database, projectId: string, rows: readonly OperationRow[]) {
  const where = {
    projectId,
    operationId: { $in: rows.map((row) => row.id) },
    day: { $in: [...new Set(rows.map((row) => row.day))] },
  }
  return db.em().find(CompletionEntity, where, { orderBy: { attempt: 'asc', sequence: 'asc' } })
}

async function ledgerOf(
  db: Database,
  projectId: string,
  rows: readonly OperationRow[],
): Promise<ReadonlyMap<string, Ledger>> {
  if (rows.length === 0) return new Map()
  return Map.groupBy(await findCompletions(db, projectId, rows), (row) => row.operationId)
}

function toOperation(
  row: OperationRow,
  ledger: Ledger,
  requestType: string | undefined,
  responseType: string | undefined,
): Operation {
  const completions = ledger.map(toCompletion)
  return {
    name: `operations/${row.id}`,
    contractVersion: `contracts/${row.contract}/versions/${row.version}`,
    method: `${row.contract}/${row.method}`,
    state: states[row.state],
    acceptTime: row.acceptedAt,
    settleTime: row.settledAt ?? undefined,
    idempotencyKey: row.key ?? '',
    request: any(requestType, row.request),
    result: resultOf(row, responseType),
    attempts: row.attempts,
    model: ledger.at(-1)?.model ?? '',
    costMicroUsd: sumOfCosts(ledger),
    completions,
    retryOf: '',
  }
}

function resultOf(row: OperationRow, responseType: string | undefined): Operation['result'] {
  if (row.code === null || row.response === null) return undefined
  if (row.code !== 0) return { $case: 'error', value: Status.decode(row.response) }
  return { $case: 'response', value: any(responseType, row.response) }
}

/** An unknown type is possible only when its version's image can no longer be read. */
function any(typeName: string | undefined, value: Buffer): Any {
  return { typeUrl: `type.googleapis.com/${typeName ?? ''}`, value }
}

/** Undefined before a completion, or when the price of one is unknown. */
function sumOfCosts(ledger: Ledger): bigint | undefined {
  let sum: bigint | undefined
  for (const { costMicroUsd } of ledger) {
    if (costMicroUsd == null) return undefined
    sum = (sum ?? 0n) + costMicroUsd
  }
  return sum
}

function toCompletion(row: Ledger[number]): Completion {
  return {
    attempt: row.attempt,
    sequence: row.sequence,
    model: row.model,
    outcome: outcomes[row.outcome],
    inputTokens: row.inputTokens,
    outputTokens: row.outputTokens,
    cacheReadTokens: row.cacheReadTokens,
    cacheWriteTokens: row.cacheWriteTokens,
    costMicroUsd: row.costMicroUsd ?? undefined,
    latency: {
      seconds: BigInt(Math.floor(row.latencyMs / 1000)),
      nanos: Math.round((row.latencyMs % 1000) * 1e6),
    },
    providerRequestId: row.providerRequestId,
    startTime: row.startedAt,
  }
}
