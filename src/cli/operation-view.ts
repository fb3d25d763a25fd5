import type { JsonValue } from '@bufbuild/protobuf'
import { OperationMetadata, OperationState } from '../../gen/deed/v1/operation.ts'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import type { Operation } from '../../gen/google/longrunning/operations.ts'
import type { Any } from '../../gen/google/protobuf/any.ts'
import { readStatus, type StatusDetails } from '../errors/status-details.ts'
import type { Connection } from './connect.ts'
import { enumName } from './format.ts'
import { anyJson, imageReader } from './operation-payload.ts'
import { ownJson } from './own-json.ts'

/** A google.longrunning.Operation with what is in it decoded. */
export type OperationView = {
  /** `operations/{id}` */
  operation: string
  done: boolean
  metadata: OperationMetadata
  response?: JsonValue
  error?: StatusDetails
}

/** Decodes operations; the type of a response is in the version of the contract that the operation was accepted with. */
export function operationViewer(connection: Connection): (operation: Operation) => Promise<OperationView> {
  const read = imageReader(connection)
  return async (operation) => {
    const view = await bareView(connection, operation)
    const { result } = operation
    if (result?.$case === 'error') return { ...view, error: readStatus(result.value) }
    if (result?.$case !== 'response') return view
    return { ...view, response: anyJson(result.value, await read(view.metadata.contractVersion)) }
  }
}

/** Without its result. */
export async function bareView(connection: Connection, operation: Operation): Promise<OperationView> {
  const { name, done, metadata } = operation
  return { operation: name, done, metadata: readMetadata(metadata) ?? (await askMetadata(connection, name)) }
}

function readMetadata(metadata: Any | undefined): OperationMetadata | undefined {
  if (!metadata?.typeUrl.endsWith('/deed.v1.OperationMetadata')) return undefined
  return OperationMetadata.decode(metadata.value)
}

/** Of an operation whose method has metadata of another type: that may say anything. As it is now, which may be later. */
async function askMetadata(connection: Connection, name: string): Promise<OperationMetadata> {
  const { response } = await connection.call(OperationServiceService.getOperation, { name })
  return OperationMetadata.fromPartial(response.operation ?? {})
}

/** As one document: its name, what the metadata says, and its response or error. */
export function viewJson({ operation, metadata, response, error }: OperationView): Record<string, unknown> {
  return {
    operation,
    ...ownJson('deed.v1.OperationMetadata', OperationMetadata, metadata),
    ...(response !== undefined && { response }),
    ...(error && { error }),
  }
}

/** `SUCCEEDED` */
export function stateName({ metadata }: OperationView): string {
  return enumName(OperationState, 'OPERATION_STATE_', metadata.state)
}
