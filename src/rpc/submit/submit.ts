import type { JsonValue } from '@bufbuild/protobuf'
import type { SubmitOperationRequest, SubmitOperationResponse } from '../../../gen/deed/v1/operation_service.ts'
import { requestId } from '../../contracts/request-id.ts'
import { idempotencyKey } from '../idempotency-key.ts'
import type { Caller } from '../own-methods.ts'
import { requestFromJson } from './json-request.ts'
import type { Submitter } from './submitter.ts'

/** Accepts a call whose method is named and whose request is a Struct. */
export async function submitOperation(
  submitter: Submitter,
  { method: path, request, idempotencyKey: field }: SubmitOperationRequest,
  { principal: { projectId, keyId }, metadata, context, signal }: Caller,
): Promise<SubmitOperationResponse> {
  const method = submitter.method(projectId, path)
  // What a Struct holds is JSON.
  const json: JsonValue = request ?? {}
  const { message, bytes } = requestFromJson(method, json, 'request')
  const fields = { idempotency_key: field, 'request.request_id': requestId(method, message) }
  const key = idempotencyKey(metadata, fields)
  const { standing, replayed } = await submitter.submit({
    projectId,
    method,
    message,
    request: bytes,
    key,
    apiKeyId: keyId,
    context,
    signal,
  })
  return { operation: await submitter.toLongRunning(projectId, standing), replayed }
}
