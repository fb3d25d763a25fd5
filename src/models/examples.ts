import { type DescMessage, fromJson, fromJsonString, type JsonValue, type Message } from '@bufbuild/protobuf'
import type { Method } from '../contracts/method.ts'
import { toModelJson } from './model-json.ts'
import { requestTurn } from './prompt.ts'
import type { Turn } from './provider.ts'

const cache = new WeakMap<Method, readonly Turn[]>()

/**
 * The examples of a method's policy as turns that come before the request: each as it would have been asked and answered.
 * Like systemText they are the same for every call, and therefore cached by vendors. Made once per method.
 */
export function exampleTurns(method: Method): readonly Turn[] {
  let turns = cache.get(method)
  if (!turns) {
    turns = method.policy.examples.flatMap(({ request, response }, index, { length }): Turn[] => {
      const answer = JSON.stringify(answerOf(method, response))
      const last = index === length - 1
      return [
        requestTurn(method, read(method, method.input, request)),
        { role: 'assistant', text: answer, ...(last && { endsPrefix: true as const }) },
      ]
    })
    cache.set(method, turns)
  }
  return turns
}

function answerOf(method: Method, response: string): JsonValue {
  const { output, registry } = method
  if (method.shape !== 'server_streaming') return toModelJson(method, read(method, output, response))
  const items: JsonValue[] = JSON.parse(response)
  return { items: items.map((item) => toModelJson(method, fromJson(output, item, { registry }))) }
}

function read({ registry }: Method, desc: DescMessage, json: string): Message {
  return fromJsonString(desc, json, { registry })
}
