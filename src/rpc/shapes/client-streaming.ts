import type { Method } from '../../contracts/method.ts'
import { joinRequests, maxRequests } from '../../contracts/request-list.ts'
import type { DuplexCall, Trailers } from '../call.ts'
import { maxRequestBytes, requestTooLarge } from '../interceptors.ts'
import type { ShapeParts } from './parts.ts'
import { unary } from './unary.ts'

/**
 * `rpc M(stream Req) returns (Res)`: all requests of the call are one, in their order. They are checked when the last has come, together
 * no larger than one request may be.
 */
export async function clientStreaming(parts: ShapeParts, call: DuplexCall, method: Method): Promise<Trailers> {
  const requests: Buffer[] = []
  let size = 0
  for await (const request of call.requests) {
    size += request.byteLength
    if (size > maxRequestBytes) throw requestTooLarge('the requests of this call together', size)
    // One more than may be is enough to say so.
    if (requests.length <= maxRequests) requests.push(request)
  }
  const { response, trailers } = await unary(parts, call, method, joinRequests(requests))
  await call.send(response)
  return trailers
}
