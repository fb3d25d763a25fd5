import { Metadata } from '@grpc/grpc-js'
import { decodeRequest } from '../../contracts/codec.ts'
import type { Method } from '../../contracts/method.ts'
import { requestId } from '../../contracts/request-id.ts'
import type { Call } from '../../operations/call.ts'
import type { DuplexCall, Trailers, UnaryReply } from '../call.ts'
import { ofRequest } from '../errors.ts'
import { idempotencyKey, invalidKey } from '../idempotency-key.ts'
import { inOrder } from './in-order.ts'
import type { ShapeParts } from './parts.ts'
import { callerOf, responseOf } from './unary.ts'

/** Requests of one call that are worked on at once. */
const maxAtOnce = 16

type Answer = { reply: Required<UnaryReply> } | { error: unknown }

/**
 * `rpc M(stream Req) returns (stream Res)`: an operation for each request, responses in the order of the requests. With an
 * idempotency-key the operation of request n, from 1, has the key `{key}/{n}`. The first that fails ends the call with its error, after
 * the responses before it; its number is in the metadata of the ErrorInfo. Those after it are cancelled, unless they have a key.
 */
export async function bidiStreaming({ operations }: ShapeParts, call: DuplexCall, method: Method): Promise<Trailers> {
  const key = idempotencyKey(call.metadata)
  const over = new AbortController()
  const signal = AbortSignal.any([call.signal, over.signal])

  async function answer({ request, number }: Numbered): Promise<Answer> {
    try {
      const accepted = { ...accept(call, method, request, key && `${key}/${number}`), signal }
      return { reply: responseOf(method, await operations.call(accepted)) }
    } catch (error) {
      return { error: ofRequest(error, number) }
    }
  }

  let [answers, replays] = [0, 0]
  try {
    for await (const answered of inOrder(numbered(call.requests), maxAtOnce, answer)) {
      if ('error' in answered) throw answered.error
      const { response, trailers } = answered.reply
      answers++
      if (trailers['deed-replayed'] === 'true') replays++
      await call.send(response)
    }
  } finally {
    over.abort(new Error('the call is over'))
  }
  return {
    'deed-contract-version': `contracts/${method.contract}/versions/${method.version}`,
    'deed-replayed': String(answers > 0 && replays === answers),
  }
}

type Numbered = { request: Buffer; number: number }

/** From 1. What cannot be read is told with its number. */
async function* numbered(requests: AsyncIterable<Buffer>): AsyncGenerator<Numbered> {
  let number = 1
  try {
    for await (const request of requests) yield { request, number: number++ }
  } catch (error) {
    throw ofRequest(error, number)
  }
}

/** One operation of the call. A `request_id` is its key when the call has none; both would be two keys for one operation. */
function accept(call: DuplexCall, method: Method, request: Buffer, key: string | undefined): Call {
  const message = decodeRequest(method, request)
  const id = requestId(method, message)
  if (key !== undefined && id !== undefined) {
    throw invalidKey('request_id', 'must be empty where the call has an idempotency-key, which numbers its requests')
  }
  const own = key ?? idempotencyKey(new Metadata(), { request_id: id })
  return { ...callerOf(call), method, message, request, key: own }
}
