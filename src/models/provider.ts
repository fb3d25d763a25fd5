import type { Message } from '@bufbuild/protobuf'
import type { Method } from '../contracts/method.ts'
import type { Effort } from '../contracts/policy.ts'
import type { JsonSchema } from './schema.ts'

/** What a completion consumed, in the vendor's tokens. `inputTokens` counts neither cache reads nor cache writes. */
export type Usage = { inputTokens: number; outputTokens: number; cacheReadTokens: number; cacheWriteTokens: number }

export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

/** One part of the conversation with a model: examples, the fenced request, then per repair the answer and its violations. */
export type Turn = {
  role: 'user' | 'assistant'
  text: string
  /** Up to the end of this one, the turns are the same for every call of the method. */
  endsPrefix?: true
}

/** What a model understands, where that is not what its provider takes for granted. */
export type Dialect = {
  /**
   * How the form of the answer is asked for: by a schema that the vendor enforces, by its JSON mode with the schema in the
   * prompt, or by the prompt alone.
   */
  structuredOutput?: StructuredOutput | undefined
  /** Whether it can be told how much thought to give an answer. */
  effort?: boolean | undefined
}

export type StructuredOutput = 'json_schema' | 'json_object' | 'none'

export type CompletionRequest = {
  /** The model's name without its provider: `claude-sonnet-5-5`. */
  model: string
  /** The part that is the same for every call of the method: what to do, the contract's instructions. */
  system: string
  turns: readonly Turn[]
  /** The form of the answer (see schema.ts). */
  schema: JsonSchema
  maxOutputTokens: number
  /** Sent to models that understand it; unset for what the model does by itself. */
  effort?: Effort | undefined
  /** Unset for what the provider takes for granted of a model of this name. */
  dialect?: Dialect | undefined
  /** For providers that work on the message itself (`local/keywords`). */
  method: Method
  request: Message
  /** Items of the list that are there already and not to be given again; of a method that is answered with a stream. */
  itemsBefore?: number
  /** W3C trace context for the provider's HTTP requests. */
  headers: Readonly<Record<string, string>>
}

export type CompletionEvent =
  | { kind: 'text'; text: string }
  | { kind: 'end'; stop: 'complete' | 'truncated' | 'refused'; usage: Usage; providerRequestId: string }

/**
 * Streams one completion. An event may hold no text: that the model has begun ends the wait for its first token. A stream that
 * finishes without an `end` event was cut off and is a failure. Throws ModelError; what it throws soon after the signal has fired
 * still tells the usage.
 */
export type Provider = (request: CompletionRequest, signal: AbortSignal) => AsyncIterable<CompletionEvent>

/** By the name in front of the slash: `anthropic`, `local`. */
export type Providers = ReadonlyMap<string, Provider>

/** `provider/name` apart; the name may hold further slashes. */
export function splitModel(model: string): [provider: string, name: string] {
  const slash = model.indexOf('/')
  return [model.slice(0, slash), model.slice(slash + 1)]
}

/**
 * - `unavailable`: try again, or another model (429, 5xx, connection, cut stream)
 * - `misconfigured`: this model will not work as the server is set up (401, 403, 404); try another
 * - `rejected`: the request as such (400, 413); no other attempt will do better
 * - `unrecorded`: a replay has no answer to it, and asks nobody else
 */
export type ModelErrorKind = 'unavailable' | 'misconfigured' | 'rejected' | 'unrecorded'

export type ModelErrorDetails = {
  /** The wait that the vendor asked for. */
  retryAfterMs?: number
  providerRequestId?: string
  /** What was consumed before the failure, as far as it is known. */
  usage?: Usage
  cause?: unknown
}

/** A completion that failed. The message is Deed's own: it holds no text of the vendor's and no payload. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly kind: ModelErrorKind
  readonly retryAfterMs: number | undefined
  readonly providerRequestId: string | undefined
  readonly usage: Usage | undefined

  constructor(kind: ModelErrorKind, message: string, details: ModelErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.kind = kind
    this.retryAfterMs = details.retryAfterMs
    this.providerRequestId = details.providerRequestId
    this.usage = details.usage
  }
}
