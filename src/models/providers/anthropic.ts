import Anthropic from '@anthropic-ai/sdk'
import type {
  MessageCreateParamsStreaming,
  MessageParam,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages'
import type { Stream } from '@anthropic-ai/sdk/streaming'
import {
  type CompletionEvent,
  type CompletionRequest,
  ModelError,
  NO_USAGE,
  type Provider,
  type Turn,
  type Usage,
} from '../provider.ts'
import { MAX_OPTIONAL_PROPERTIES, optionalProperties } from '../schema.ts'
import { toModelError } from './anthropic-error.ts'
import { tokenCount } from './token-count.ts'

export type AnthropicOptions = { apiKey: string; baseUrl?: string | undefined }

/**
 * `anthropic/…`: the Messages API, streamed, through the official SDK. The SDK's own retries, spans and logs are off: the
 * answer loop retries, completion.ts makes the span, and the SDK's log would hold payloads. Its fetch keeps connections
 * alive and opens as many as there are completions at once.
 */
export function createAnthropic(options: AnthropicOptions): Provider {
  const client = new Anthropic({
    apiKey: options.apiKey,
    authToken: null,
    baseURL: options.baseUrl ?? 'https://api.anthropic.com',
    maxRetries: 0,
    logLevel: 'off',
    openTelemetry: false,
    // Wherever it leads, it is not where requests and keys are to go.
    fetchOptions: { redirect: 'manual' },
  })
  return (request, signal) => complete(client, request, signal)
}

async function* complete(
  client: Anthropic,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent> {
  const progress: Progress = { usage: NO_USAGE, requestId: '', stopReason: null }
  try {
    // Not messages.create: for a model near its retirement that writes to the console, at every call.
    const options = { body: body(request), stream: true, signal, headers: request.headers }
    const response = await client.post<Stream<RawMessageStreamEvent>>('/v1/messages', options).withResponse()
    progress.requestId = response.request_id ?? ''
    for await (const event of response.data) {
      const text = follow(event, progress)
      if (typeof text !== 'string') throw new TypeError('text that is none')
      // A block that begins, of thoughts too, shows that the model is at work.
      if (text !== '' || event.type === 'content_block_start') yield { kind: 'text', text }
      if (event.type === 'message_stop') {
        yield { kind: 'end', stop: stopOf(progress), usage: progress.usage, providerRequestId: progress.requestId }
        return
      }
    }
  } catch (error) {
    throw toModelError(error, progress)
  }
  throw new ModelError('unavailable', 'the provider cut its answer off', {
    usage: progress.usage,
    providerRequestId: progress.requestId,
  })
}

/** What is known of a completion so far, for its ledger row if it fails from here on. */
type Progress = { usage: Usage; requestId: string; stopReason: string | null }

/** The text that an event adds to the answer; thinking and whatever else a model streams is none of it. */
function follow(event: RawMessageStreamEvent, progress: Progress): string {
  switch (event.type) {
    case 'message_start':
      progress.usage = merged(progress.usage, event.message.usage)
      return ''
    case 'message_delta':
      progress.usage = merged(progress.usage, event.usage)
      progress.stopReason = event.delta.stop_reason
      return ''
    case 'content_block_start':
      return event.content_block.type === 'text' ? event.content_block.text : ''
    case 'content_block_delta':
      return event.delta.type === 'text_delta' ? event.delta.text : ''
    default:
      return ''
  }
}

function stopOf({ stopReason, usage, requestId }: Progress): 'complete' | 'truncated' | 'refused' {
  if (stopReason === 'end_turn') return 'complete'
  if (stopReason === 'max_tokens') return 'truncated'
  if (stopReason === 'refusal') return 'refused'
  const known = { usage, providerRequestId: requestId }
  if (stopReason === 'model_context_window_exceeded') {
    throw new ModelError('rejected', "request and answer do not fit the model's context window", known)
  }
  throw new ModelError('unavailable', 'the provider ended its answer for a reason that Deed does not know', known)
}

/** Not all that speak this API tell all of it. */
type ReportedUsage =
  | {
      input_tokens?: number | null
      output_tokens?: number | null
      cache_read_input_tokens?: number | null
      cache_creation_input_tokens?: number | null
    }
  | null
  | undefined

/** Usage is reported at the start and, cumulatively, at the end; what the end leaves out is as at the start. */
function merged(usage: Usage, reported: ReportedUsage): Usage {
  return {
    inputTokens: tokenCount(reported?.input_tokens, usage.inputTokens),
    outputTokens: tokenCount(reported?.output_tokens, usage.outputTokens),
    cacheReadTokens: tokenCount(reported?.cache_read_input_tokens, usage.cacheReadTokens),
    cacheWriteTokens: tokenCount(reported?.cache_creation_input_tokens, usage.cacheWriteTokens),
  }
}

/** A schema that the API would refuse is told to the model instead; parse and repair hold the answer to it either way. */
function body(request: CompletionRequest): MessageCreateParamsStreaming {
  const { dialect, schema, system } = request
  const structured = (dialect?.structuredOutput ?? 'json_schema') === 'json_schema'
  const strict = structured && schema.type === 'object' && optionalProperties(schema) <= MAX_OPTIONAL_PROPERTIES
  const told = `${system}\n\n# The JSON Schema of the answer\n\n${JSON.stringify(schema)}`
  const effort = (dialect?.effort ?? understandsEffort(request.model)) ? request.effort : undefined
  const config = {
    ...(strict && { format: { type: 'json_schema' as const, schema } }),
    ...(effort !== undefined && { effort }),
  }
  return {
    model: request.model,
    max_tokens: request.maxOutputTokens,
    stream: true,
    // What is shorter than the model's least length for its cache (512 to 4,096 tokens) is not cached, and no error.
    system: [{ type: 'text', text: strict ? system : told, cache_control: { type: 'ephemeral' } }],
    messages: request.turns.map(message),
    ...(Object.keys(config).length > 0 && { output_config: config }),
  }
}

function message({ role, text, endsPrefix }: Turn): MessageParam {
  if (!endsPrefix) return { role, content: text }
  return { role, content: [{ type: 'text', text, cache_control: { type: 'ephemeral' } }] }
}

/** All since Opus 4.5, but for Sonnet 4.5 and Haiku 4.5: https://platform.claude.com/docs/en/build-with-claude/effort */
function understandsEffort(model: string): boolean {
  return /^claude-(opus-4-[5-8]|sonnet-4-6|(fable|mythos|opus|sonnet|haiku)-([5-9]|\d\d))\b/.test(model)
}
