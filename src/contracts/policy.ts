import { type DescMethod, type DescService, getOption, hasOption, type Message } from '@bufbuild/protobuf'
import { type Duration, durationMs } from '@bufbuild/protobuf/wkt'
import { ownOption } from './own-image.ts'

/** How the operations of a method are worked on: what the options of method and service say, defaults filled in. */
export type Policy = {
  /** What the options add to the comments; empty when nothing. */
  instructions: string
  /** `provider/name` in order of preference; empty for the server's own. */
  models: readonly string[]
  timeoutMs: number
  /** Never more than `timeoutMs`. */
  attemptTimeoutMs: number
  maxFailures: number
  maxRepairs: number
  maxOutputTokens: number
  /** Of each stay in the queue, never more than `timeoutMs`; undefined for as long as the operation lasts. */
  queueTimeoutMs: number | undefined
  priority: Priority
  /** How much thought a model gives an answer; undefined for what it does by itself. */
  effort: Effort | undefined
  /** For how long an answer is given again to equal requests; undefined for not at all. */
  cacheTtlMs: number | undefined
  /** Shown to the model before each request. */
  examples: readonly Example[]
}

export type Effort = 'low' | 'medium' | 'high'

/** Both are JSON text of valid messages: publishing refuses others. */
export type Example = { request: string; response: string }

/** Interactive, normal, bulk: among a project's queued operations a lower number is taken first. */
export type Priority = 1 | 2 | 3

const serviceOption = ownOption('deed.v1.service')
const methodOption = ownOption('deed.v1.method')

const defaults: Policy = {
  instructions: '',
  models: [],
  timeoutMs: 10 * 60_000,
  attemptTimeoutMs: 2 * 60_000,
  maxFailures: 3,
  maxRepairs: 2,
  maxOutputTokens: 8_192,
  queueTimeoutMs: undefined,
  priority: 2,
  effort: undefined,
  cacheTtlMs: undefined,
  examples: [],
}

/** A deed.v1.Policy as @bufbuild/protobuf reads it with Deed's own descriptors. */
type PolicyMessage = Message<'deed.v1.Policy'> & {
  instructions: string
  models: string[]
  timeout?: Duration
  attemptTimeout?: Duration
  maxFailures?: number
  maxRepairs?: number
  maxOutputTokens?: number
  queueTimeout?: Duration
  priority: number
  effort: number
  cacheTtl?: Duration
  examples: Example[]
}

/** By their numbers in deed.v1.Effort. */
const efforts: readonly (Effort | undefined)[] = [undefined, 'low', 'medium', 'high']

/** The policy of a method: field by field what the method says, else its service, else the default. */
export function policyOf(method: DescMethod): Policy {
  const policy = { ...defaults, ...statedPolicy(method.parent), ...statedPolicy(method) }
  const { timeoutMs, attemptTimeoutMs, queueTimeoutMs, cacheTtlMs } = policy
  return {
    ...policy,
    attemptTimeoutMs: Math.min(attemptTimeoutMs, timeoutMs),
    queueTimeoutMs: queueTimeoutMs === undefined ? undefined : Math.min(queueTimeoutMs, timeoutMs),
    // What a service says is for those of its methods of which it can be true.
    cacheTtlMs: hasSingleResponse(method) ? cacheTtlMs : undefined,
  }
}

/** What the option on this very element says, and nothing else. */
export function statedPolicy(desc: DescMethod | DescService): Partial<Policy> {
  const message = policyMessage(desc)
  if (!message) return {}
  const { instructions, models, timeout, attemptTimeout, maxFailures, maxRepairs, maxOutputTokens } = message
  const { queueTimeout, priority, cacheTtl, examples } = message
  const effort = efforts[message.effort]
  return {
    ...(instructions !== '' && { instructions }),
    ...(models.length > 0 && { models }),
    ...(timeout !== undefined && { timeoutMs: durationMs(timeout) }),
    ...(attemptTimeout !== undefined && { attemptTimeoutMs: durationMs(attemptTimeout) }),
    ...(maxFailures !== undefined && { maxFailures }),
    ...(maxRepairs !== undefined && { maxRepairs }),
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(queueTimeout !== undefined && { queueTimeoutMs: durationMs(queueTimeout) }),
    ...(isPriority(priority) && { priority }),
    ...(effort !== undefined && { effort }),
    ...(cacheTtl !== undefined && { cacheTtlMs: durationMs(cacheTtl) }),
    ...(examples.length > 0 && { examples }),
  }
}

/** Whether it is answered with one message, and not with a stream. */
export function hasSingleResponse({ methodKind }: DescMethod): boolean {
  return methodKind === 'unary' || methodKind === 'client_streaming'
}

/** Zero is not stated. */
function isPriority(value: number): value is Priority {
  return value >= 1 && value <= 3
}

/** The option as it stands on the element, decoded with Deed's own descriptors whatever the image brings along. */
export function policyMessage(desc: DescMethod | DescService): PolicyMessage | undefined {
  if (desc.kind === 'rpc')
    return hasOption(desc, methodOption) ? (getOption(desc, methodOption) as PolicyMessage) : undefined
  return hasOption(desc, serviceOption) ? (getOption(desc, serviceOption) as PolicyMessage) : undefined
}
