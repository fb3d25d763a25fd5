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

export type AnthropicOptions = { apiKey: string; baseUrl?: string }

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
      if (text !== '') yield { kind: 'text', text }
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
  throw new ModelError('unavailable', 'the provider ended its answer for a reason that Deed does not know', {
    usage,
    providerRequestId: requestId,
  })
}

type ReportedUsage = {
  input_tokens: number | null
  output_tokens: number
  cache_read_input_tokens: number | null
  cache_creation_input_tokens: number | null
}

/** Usage is reported at the start and, cumulatively, at the end; what the end leaves out is as at the start. */
function merged(usage: Usage, reported: ReportedUsage): Usage {
  return {
    inputTokens: reported.input_tokens ?? usage.inputTokens,
    outputTokens: reported.output_tokens,
    cacheReadTokens: reported.cache_read_input_tokens ?? usage.cacheReadTokens,
    cacheWriteTokens: reported.cache_creation_input_tokens ?? usage.cacheWriteTokens,
  }
}

/** A schema that the API would refuse is told to the model instead; parse and repair hold the answer to it either way. */
function body(request: CompletionRequest): MessageCreateParamsStreaming {
  const strict = optionalProperties(request.schema) <= MAX_OPTIONAL_PROPERTIES
  const told = `${request.system}\n\n# The JSON Schema of the answer\n\n${JSON.stringify(request.schema)}`
  return {
    model: request.model,
    max_tokens: request.maxOutputTokens,
    stream: true,
    system: [{ type: 'text', text: strict ? request.system : told, cache_control: { type: 'ephemeral' } }],
    messages: request.turns.map(message),
    ...(strict ? { output_config: { format: { type: 'json_schema' as const, schema: request.schema } } } : {}),
  }
}

function message({ role, text, endsPrefix }: Turn): MessageParam {
  if (!endsPrefix) return { role, content: text }
  return { role, content: [{ type: 'text', text, cache_control: { type: 'ephemeral' } }] }
}
