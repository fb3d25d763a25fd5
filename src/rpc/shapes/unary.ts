import { status } from '@grpc/grpc-js'
import { Operation } from '../../../gen/google/longrunning/operations.ts'
import { decodeRequest } from '../../contracts/codec.ts'
import type { Method } from '../../contracts/method.ts'
import { requestId } from '../../contracts/request-id.ts'
import type { Call, Reply } from '../../operations/call.ts'
import type { DuplexCall, IncomingCall, Trailers, UnaryReply } from '../call.ts'
import { PlainStatus, StoredError } from '../errors.ts'
import { idempotencyKey } from '../idempotency-key.ts'
import { principalOf } from '../interceptors.ts'
import type { Standing } from '../long-running.ts'
import type { ShapeParts } from './parts.ts'

/** `rpc M(Req) returns (Res)`: one request, and the response or the operation. */
export async function unary(
  { operations, submitter }: ShapeParts,
  call: IncomingCall,
  method: Method,
  request: Uint8Array,
): Promise<Required<UnaryReply>> {
  const accepted = validated(call, method, request)
  if (method.longRunning) {
    const { standing, replayed } = await submitter.submit(accepted)
    const operation = await submitter.toLongRunning(accepted.projectId, standing)
    return { response: Operation.encode(operation).finish(), trailers: trailersOf(standing, replayed) }
  }
  return responseOf(method, await operations.call(accepted))
}

/** The same for a path that serves other shapes too. */
export async function unaryOverDuplex(parts: ShapeParts, call: DuplexCall, method: Method): Promise<Trailers> {
  const { response, trailers } = await unary(parts, call, method, await onlyRequest(call))
  await call.send(response)
  return trailers
}

/** A call of an operation, its request decoded and checked. */
export function validated(call: IncomingCall, method: Method, request: Uint8Array): Call {
  const message = decodeRequest(method, request)
  const key = idempotencyKey(call.metadata, { request_id: requestId(method, message) })
  return { ...callerOf(call), method, message, request, key }
}

/** What a call of an operation has of its caller, whatever the shape. */
export function callerOf(call: IncomingCall): Pick<Call, 'projectId' | 'apiKeyId' | 'context' | 'signal'> {
  const { projectId, keyId: apiKeyId } = principalOf(call)
  return { projectId, apiKeyId, context: call.context, signal: call.signal }
}

/** What an operation ended with, as its caller gets it. Throws the error that it ended with. */
export function responseOf(method: Method, reply: Reply): Required<UnaryReply> {
  const { operationId: id, version, model, cachedFrom, replayed, code, response } = reply
  const trailers = trailersOf({ id, contract: method.contract, version, model, cachedFrom }, replayed)
  if (code !== 0) throw new StoredError(response, trailers)
  return { response, trailers }
}

function trailersOf(
  { id, contract, version, model, cachedFrom }: Pick<Standing, 'id' | 'contract' | 'version' | 'model' | 'cachedFrom'>,
  replayed: boolean,
): Record<string, string> {
  return {
    'deed-operation': `operations/${id}`,
    'deed-contract-version': `contracts/${contract}/versions/${version}`,
    ...(model ? { 'deed-model': model } : {}),
    'deed-replayed': String(replayed),
    ...(cachedFrom ? { 'deed-cached-from': `operations/${cachedFrom}` } : {}),
  }
}

/** The one request of a call; grpc-js says the same of what is none or several. */
export async function onlyRequest({ path, requests }: DuplexCall): Promise<Buffer> {
  let only: Buffer | undefined
  for await (const request of requests) {
    if (only) throw new PlainStatus(status.UNIMPLEMENTED, `Received a second request message for the method ${path}`)
    only = request
  }
  if (!only) throw new PlainStatus(status.UNIMPLEMENTED, `Received no request message for the method ${path}`)
  return only
}
