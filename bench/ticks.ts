import { setTimeout as delay } from 'node:timers/promises'
import { toJson } from '@bufbuild/protobuf'
import type { CompletionRequest } from '../src/models/provider.ts'

const text = 'The customer asks for the second payment to be returned; a bank statement is at hand.'

/** Writes the items of a stream, each some milliseconds after the one before, with the time at which it is finished. */
export async function* ticks(
  { method, request, itemsBefore = 0 }: CompletionRequest,
  itemMs: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const json = toJson(method.input, request)
  const count = json instanceof Object && 'count' in json ? Number(json['count']) : 0
  yield '{"items": ['
  for (let n = itemsBefore; n < count; n++) {
    await delay(itemMs, undefined, { signal })
    const finishedUs = Math.round((performance.timeOrigin + performance.now()) * 1_000)
    yield `${n === itemsBefore ? '' : ', '}${JSON.stringify({ finishedUs: String(finishedUs), text })}`
  }
  yield ']}'
}
