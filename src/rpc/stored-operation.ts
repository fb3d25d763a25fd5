import { type Completion, CompletionOutcome, type Operation } from '../../gen/deed/v1/operation.ts'
import type { LiveContracts } from '../contracts/live.ts'
import type { Method } from '../contracts/method.ts'
import { splitRequests } from '../contracts/request-list.ts'
import type { Database } from '../storage/database.ts'
import { Completion as CompletionEntity } from '../storage/entities/completion.ts'
import { countItems } from '../storage/statements/items.ts'
import type { OperationRow } from '../storage/statements/operation-row.ts'
import { toBuffer } from './definition.ts'
import { any, responseType, resultOf } from './long-running.ts'
import { states } from './operation-state.ts'

const outcomes = {
  VALID: CompletionOutcome.COMPLETION_OUTCOME_VALID,
  INVALID: CompletionOutcome.COMPLETION_OUTCOME_INVALID,
  REFUSED: CompletionOutcome.COMPLETION_OUTCOME_REFUSED,
  TRUNCATED: CompletionOutcome.COMPLETION_OUTCOME_TRUNCATED,
  FAILED: CompletionOutcome.COMPLETION_OUTCOME_FAILED,
  ABORTED: CompletionOutcome.COMPLETION_OUTCOME_ABORTED,
}

type Ledger = Awaited<ReturnType<typeof findCompletions>>

/** Operations as deed.v1 shows them: with what was asked, answered and paid for. */
export async function storedOperations(
  db: Database,
  live: LiveContracts,
  projectId: string,
  rows: readonly OperationRow[],
): Promise<Operation[]> {
  if (rows.length === 0) return []
  const ledger = Map.groupBy(await findCompletions(db, projectId, rows), (row) => row.operationId)
  const known = await Promise.all(
    rows.map(async (row) => {
      const contract = await live.version(projectId, row.contract, row.version)
      return { row, method: contract?.methods.get(row.method) }
    }),
  )
  const streams = known.filter(({ method }) => method?.shape === 'server_streaming')
  const refs = streams.map(({ row: { id, day } }) => ({ projectId, operationId: id, day }))
  const items = refs.length > 0 ? await countItems(db.pool, refs) : new Map<string, number>()
  return known.map(({ row, method }) => toOperation(row, ledger.get(row.id) ?? [], method, items.get(row.id) ?? 0))
}

function findCompletions(db: Database, projectId: string, rows: readonly OperationRow[]) {
  const where = {
    projectId,
    operationId: { $in: rows.map((row) => row.id) },
    day: { $in: [...new Set(rows.map((row) => row.day))] },
  }
  return db.em().find(CompletionEntity, where, { orderBy: { attempt: 'asc', sequence: 'asc' } })
}

function toOperation(row: OperationRow, ledger: Ledger, method: Method | undefined, itemCount: number): Operation {
  const completions = ledger.map(toCompletion)
  const requestType = method?.desc.input.typeName
  const several = method?.shape === 'client_streaming'
  return {
    name: `operations/${row.id}`,
    contractVersion: `contracts/${row.contract}/versions/${row.version}`,
    method: `${row.contract}/${row.method}`,
    state: states[row.state],
    acceptTime: row.acceptedAt,
    settleTime: row.settledAt ?? undefined,
    idempotencyKey: row.key ?? '',
    request: several ? undefined : any(requestType, row.request),
    requests: several ? splitRequests(row.request).map((request) => any(requestType, toBuffer(request))) : [],
    result: resultOf(row, method && responseType(method)),
    attempts: row.attempts,
    model: ledger.at(-1)?.model ?? row.model ?? '',
    costMicroUsd: row.cachedFrom === null ? sumOfCosts(ledger) : 0n,
    completions,
    itemCount,
    retryOf: row.retryOf === null ? '' : `operations/${row.retryOf}`,
    cachedFrom: row.cachedFrom === null ? '' : `operations/${row.cachedFrom}`,
  }
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
    usageEstimated: row.usageEstimated,
  }
}
