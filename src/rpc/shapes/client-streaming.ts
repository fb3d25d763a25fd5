import { setTimeout as delay } from 'node:timers/promises'
import type { Method } from '../../contracts/method.ts'
import { joinRequests, maxRequests } from '../../contracts/request-list.ts'
import type { DuplexCall, Trailers } from '../call.ts'
import { maxRequestBytes, requestTooLarge } from '../interceptors.ts'
import type { ShapeParts } from './parts.ts'
import { unary } from './unary.ts'

/**
 * How long the end of the requests has to stand. A grpc-js client that cancels, or whose deadline passes, first closes its side as if
 * it had sent all, and resets the call some 3 ms later: half of the requests must not become an operation, and take a key.
 */
const settledMs = 20

/**
 * `rpc M(stream Req) returns (Res)`: all requests of the call are one, in their order. They are checked when the last has come, together
 * no larger than one request may be; too many or too large ones are refused while they come.
 */
export async function clientStreaming(parts: ShapeParts, call: DuplexCall, method: Method): Promise<Trailers> {
  const requests: Buffer[] = []
  let size = 0
  for await (const request of call.requests) {
    size += request.byteLength
    if (size > maxRequestBytes) throw requestTooLarge('the requests of this call together', size)
    requests.push(request)
    // One more than may be is enough to say so.
    if (requests.length > maxRequests) break
  }
  await delay(settledMs, undefined, { signal: call.signal }).catch(() => {})
  call.signal.throwIfAborted()
  const { response, trailers } = await unary(parts, call, method, joinRequests(requests))
  await call.send(response)
  return trailers
}
