import type { Method } from '../../contracts/method.ts'
import type { DuplexCall, Trailers } from '../call.ts'
import type { ShapeParts } from './parts.ts'
import { onlyRequest, responseOf, validated } from './unary.ts'

/**
 * `rpc M(Req) returns (stream Item)`: the operation in the headers as soon as it is committed, then each item once it is stored. Ends OK
 * when the list is complete, else with the error that the operation ended with, after the items that are good.
 */
export async function serverStreaming({ operations }: ShapeParts, call: DuplexCall, method: Method): Promise<Trailers> {
  const accepted = validated(call, method, await onlyRequest(call))
  const reply = await operations.stream(accepted, {
    begin: (operationId) => call.begin({ 'deed-operation': `operations/${operationId}` }),
    send: (item, signal) => call.send(item, signal),
  })
  const { 'deed-operation': _, ...trailers } = responseOf(method, reply).trailers
  return trailers
}
