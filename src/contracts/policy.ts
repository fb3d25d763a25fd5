import { type DescMethod, type DescService, getOption, hasOption, type Message } from '@bufbuild/protobuf'
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
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
}

const defaults: Policy = {
  instructions: '',
  models: [],
  timeoutMs: 10 * 60_000,
  attemptTimeoutMs: 2 * 60_000,
  maxFailures: 3,
  maxRepairs: 2,
  maxOutputTokens: 8_192,
}

const fieldNames = {
  instructions: 'instructions',
  models: 'models',
  timeoutMs: 'timeout',
  attemptTimeoutMs: 'attempt_timeout',
  maxFailures: 'max_failures',
  maxRepairs: 'max_repairs',
  maxOutputTokens: 'max_output_tokens',
} as const

/** The policy of a method: field by field what the method says, else its service, else the default. */
export function policyOf(method: DescMethod): Policy {
  const policy = { ...defaults, ...statedPolicy(method.parent), ...statedPolicy(method) }
  return { ...policy, attemptTimeoutMs: Math.min(policy.attemptTimeoutMs, policy.timeoutMs) }
}

/** What the option on this very element says, and nothing else. */
export function statedPolicy(desc: DescMethod | DescService): Partial<Policy> {
  const message = policyMessage(desc)
  if (!message) return {}
  const stated: Partial<Policy> = {}
  const text = value(message, 'instructions')
  if (typeof text === 'string') stated.instructions = text
  const models = value(message, 'models')
  if (models !== undefined) stated.models = strings(models)
  for (const key of ['maxFailures', 'maxRepairs', 'maxOutputTokens'] as const) {
    const number = value(message, key)
    if (typeof number === 'number') stated[key] = number
  }
  for (const key of ['timeoutMs', 'attemptTimeoutMs'] as const) {
    const duration = value(message, key)
    if (isReflectMessage(duration)) stated[key] = milliseconds(duration)
  }
  return stated
}

/** The option as it stands in the descriptor: a `deed.v1.Policy`. */
export function policyMessage(desc: DescMethod | DescService): ReflectMessage | undefined {
  const [extension, message] =
    desc.kind === 'rpc' ? read(desc, 'deed.v1.method') : read(desc, 'deed.v1.service')
  return message && extension.message ? reflect(extension.message, message) : undefined
}

function read(desc: DescMethod | DescService, name: 'deed.v1.method' | 'deed.v1.service') {
  const extension = ownOption(name)
  const message = hasOption(desc, extension) ? (getOption(desc, extension) as Message) : undefined
  return [extension, message] as const
}

function value(message: ReflectMessage, key: keyof Policy): unknown {
  const field = message.desc.fields.find(({ name }) => name === fieldNames[key])
  if (!field) throw new Error(`deed.v1.Policy lacks ${fieldNames[key]}`)
  return message.isSet(field) ? message.get(field) : undefined
}

function strings(list: unknown): string[] {
  return list !== null && typeof list === 'object' && Symbol.iterator in list ? Array.from(list as Iterable<string>) : []
}

function milliseconds(duration: ReflectMessage): number {
  const { seconds, nanos } = duration.message as Message & { seconds: bigint; nanos: number }
  return Number(seconds) * 1_000 + Math.round(nanos / 1_000_000)
}
