import { setImmediate as turn } from 'node:timers/promises'
import { fromBinary, type Message, toJson } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { decodeRequest } from '../../contracts/codec.ts'
import type { Method } from '../../contracts/method.ts'
import { DeedError } from '../../errors/deed-error.ts'
import { type Answer, type AnswerOptions, answer } from '../../models/answer.ts'
import type { ItemSink } from '../../models/item-sink.ts'
import type { Example } from './example.ts'

/** What became of an example, once. */
export type Result = {
  example: Example
  /** Who was asked: a model, or those of the method's policy. */
  model: string
  /** Nothing when it passed. */
  wrong: readonly string[]
  /** Undefined when no model was asked. */
  latencyMs: number | undefined
  /** Of all completions; undefined when the price of one is not known. */
  costMicroUsd: bigint | undefined
}

/** `method` is the example's, with the policy that is to be tried. */
export type Task = { example: Example; method: Method; model: string }

/**
 * Has each task answered, in one attempt as the server makes it, `concurrency` of them at once. Results are in the order of the
 * tasks. Nothing is stored.
 */
export async function runAll(
  tasks: readonly Task[],
  {
    concurrency,
    done,
    ...asked
  }: { concurrency: number; done: (result: Result) => void; options: AnswerOptions; signal: AbortSignal },
): Promise<Result[]> {
  const results: Result[] = []
  const waiting = tasks.entries()
  const work = async () => {
    for (const [index, task] of waiting) {
      asked.signal.throwIfAborted()
      const result = await run(task, asked.options, asked.signal)
      results[index] = result
      done(result)
      // A model without a network answers in microtasks alone: without a turn no signal is heard, and nothing collected.
      await turn()
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return results
}

async function run({ example, method, model }: Task, options: AnswerOptions, signal: AbortSignal): Promise<Result> {
  const from = performance.now()
  const end = (wrong: readonly string[], ended?: Answer): Result => {
    const costs = ended?.completions.map(({ costMicroUsd }) => costMicroUsd) ?? []
    const known = costs.filter((cost) => cost !== undefined)
    const costMicroUsd = known.length < costs.length ? undefined : known.reduce((sum, cost) => sum + cost, 0n)
    const latencyMs = ended && Math.round(performance.now() - from)
    return { example, model, wrong, latencyMs, costMicroUsd }
  }
  let request: Message
  try {
    request = decodeRequest(method, example.request)
  } catch (error) {
    if (error instanceof DeedError) return end(judgeError(example, error))
    throw error
  }
  const { attemptTimeoutMs } = method.policy
  const within = AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)])
  const items: Message[] = []
  const sink = method.shape === 'server_streaming' ? sinkOf(method, items) : undefined
  const ended = await answer(method, request, options, ROOT_CONTEXT, within, sink)
  signal.throwIfAborted()
  if (ended.kind === 'aborted') return end([`no answer within ${attemptTimeoutMs / 1_000} s (attempt_timeout)`], ended)
  if (ended.kind === 'failure') return end(judgeError(example, ended.error), ended)
  return end(judge(example, request, sink ? items : fromBinary(method.output, ended.bytes)), ended)
}

/** Keeps the items of a stream here. */
function sinkOf({ output }: Method, items: Message[]): ItemSink {
  const stored: Uint8Array[] = []
  return {
    get count() {
      return stored.length
    },
    put: async (more) => {
      stored.push(...more)
      items.push(...more.map((bytes) => fromBinary(output, bytes)))
    },
    last: async (limit) => stored.slice(-limit),
  }
}

function judge(
  { method, error, check, expressions }: Example,
  request: Message,
  response: Message | Message[],
): string[] {
  if (error !== undefined) return [`expected the error ${error}, got a response`]
  const wrong: string[] = []
  const json = (message: Message) =>
    toJson(method.output, message, { registry: method.registry, alwaysEmitImplicit: true })
  check(Array.isArray(response) ? response.map(json) : json(response), '', wrong)
  for (const { text, holds } of expressions) {
    const held = holds(request, response)
    if (held !== true) wrong.push(`expected ${text.trim()}, which is ${held}`)
  }
  return wrong
}

function judgeError({ error: expected }: Example, { code, reason, message, details }: DeedError): string[] {
  if (expected === reason || expected === status[code]) return []
  const violations = (details.fieldViolations ?? []).map(({ field, description }) => `${field || 'it'} ${description}`)
  const got = [`${status[code]} (${reason}): ${message}`, ...violations].join('; ')
  return [expected === undefined ? got : `expected the error ${expected}, got ${got}`]
}
