import { OperationMetadata } from '../../gen/deed/v1/operation.ts'
import type { Operation } from '../../gen/google/longrunning/operations.ts'
import type { Any } from '../../gen/google/protobuf/any.ts'
import { Status } from '../../gen/google/rpc/status.ts'
import type { LiveContracts } from '../contracts/live.ts'
import type { Method } from '../contracts/method.ts'
import type { OperationRow } from '../storage/statements/operation-row.ts'
import { states } from './operation-state.ts'

/** What a google.longrunning.Operation says of an operation. */
export type Standing = Omit<OperationRow, 'day' | 'key' | 'request'>

/** The one conversion of an operation as it stands to a google.longrunning.Operation, in the types of its contract's version. */
export async function toLongRunning(live: LiveContracts, projectId: string, standing: Standing): Promise<Operation> {
  const contract = await live.version(projectId, standing.contract, standing.version)
  return longRunningOf(standing, contract?.methods.get(standing.method))
}

/** An unknown method is possible only when its version's image can no longer be read. */
export function longRunningOf(standing: Standing, method: Method | undefined): Operation {
  const metadata = metadataOf(standing)
  return {
    name: `operations/${standing.id}`,
    metadata: method?.longRunning?.metadata(metadata) ?? {
      typeUrl: 'type.googleapis.com/deed.v1.OperationMetadata',
      value: Buffer.from(OperationMetadata.encode(metadata).finish()),
    },
    done: standing.code !== null,
    result: resultOf(standing, method && responseType(method)),
  }
}

function metadataOf(standing: Standing): OperationMetadata {
  return {
    state: states[standing.state],
    method: `${standing.contract}/${standing.method}`,
    contractVersion: `contracts/${standing.contract}/versions/${standing.version}`,
    attempts: standing.attempts,
    model: standing.model ?? '',
    acceptTime: standing.acceptedAt,
    settleTime: standing.settledAt ?? undefined,
    retryOf: standing.retryOf === null ? '' : `operations/${standing.retryOf}`,
  }
}

/** The type of what an operation of a method ends with: nothing, when that is its items. */
export function responseType({ shape, output }: Method): string {
  return shape === 'server_streaming' ? 'google.protobuf.Empty' : output.typeName
}

/** What an operation ended with, in the API's form; undefined until it has. */
export function resultOf(
  { code, response }: Pick<Standing, 'code' | 'response'>,
  responseType: string | undefined,
): { $case: 'error'; value: Status } | { $case: 'response'; value: Any } | undefined {
  if (code === null || response === null) return undefined
  if (code !== 0) return { $case: 'error', value: Status.decode(response) }
  return { $case: 'response', value: any(responseType, response) }
}

/** An unknown type is possible only when its version's image can no longer be read. */
export function any(typeName: string | undefined, value: Buffer): Any {
  return { typeUrl: `type.googleapis.com/${typeName ?? ''}`, value }
}
