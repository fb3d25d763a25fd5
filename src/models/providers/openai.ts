import OpenAI, { AzureOpenAI } from 'openai'
import type {
  ChatCompletionChunk,
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions'
import {
  type CompletionEvent,
  type CompletionRequest,
  ModelError,
  NO_USAGE,
  type Provider,
  type Usage,
} from '../provider.ts'
import { toModelError } from './openai-error.ts'
import { strictSchema } from './openai-schema.ts'
import { tokenCount } from './token-count.ts'

export type OpenAiOptions = {
  /** Undefined for a server that needs none. */
  apiKey?: string | undefined
  /** Undefined for OpenAI's own. */
  baseUrl?: string | undefined
  /** Of Azure's dated API: the model's name is then that of a deployment. */
  azureApiVersion?: string | undefined
  /** By which name the server knows the limit of what is written. */
  outputLimit?: 'max_completion_tokens' | 'max_tokens'
}

/**
 * The Chat Completions API, streamed, through the official SDK: OpenAI, Azure, vLLM, Ollama and what else speaks it. The
 * SDK's own retries and logs are off: the answer loop retries, and its log would hold payloads. What it would read from the
 * environment by itself is not read.
 */
export function createOpenAi(options: OpenAiOptions): Provider {
  const client = clientOf(options)
  const limit = options.outputLimit ?? 'max_completion_tokens'
  return (request, signal) => complete(client, limit, request, signal)
}

function clientOf({ apiKey, baseUrl, azureApiVersion }: OpenAiOptions): OpenAI {
  const common = {
    // The SDK demands one.
    apiKey: apiKey ?? 'none',
    ...(apiKey === undefined && { defaultHeaders: { authorization: null } }),
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    maxRetries: 0,
    logLevel: 'off' as const,
    // Wherever it leads, it is not where requests and keys are to go.
    fetchOptions: { redirect: 'manual' as const },
  }
  if (azureApiVersion === undefined) return new OpenAI({ ...common, baseURL: baseUrl ?? 'https://api.openai.com/v1' })
  const baseURL = `${(baseUrl ?? '').replace(/\/+$/, '')}/openai`
  return new AzureOpenAI({ ...common, baseURL, apiVersion: azureApiVersion })
}

/** What is known of a completion so far, for its ledger row if it fails from here on. */
type Progress = { usage: Usage; requestId: string; stopReason: string | null; refused: boolean }

async function* complete(
  client: OpenAI,
  limit: NonNullable<OpenAiOptions['outputLimit']>,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent> {
  const progress: Progress = { usage: NO_USAGE, requestId: '', stopReason: null, refused: false }
  try {
    const options = { signal, headers: request.headers }
    const { data, request_id, response } = await client.chat.completions
      .create(body(request, limit), options)
      .withResponse()
    progress.requestId = request_id ?? response.headers.get('apim-request-id') ?? ''
    for await (const chunk of data) {
      const text = follow(chunk, progress)
      if (text !== undefined && typeof text !== 'string') throw new TypeError('text that is none')
      if (text !== undefined) yield { kind: 'text', text }
    }
    // The SDK ends a stream in the same way at `[DONE]` and where it breaks off: only the reason to stop tells.
    if (progress.stopReason !== null) {
      yield { kind: 'end', stop: stopOf(progress), usage: progress.usage, providerRequestId: progress.requestId }
      return
    }
  } catch (error) {
    throw toModelError(error, progress)
  }
  throw failure('the provider cut its answer off', progress)
}

/** The text that a chunk adds to the answer; what a model thinks or says in refusing is none of it. */
function follow(chunk: ChatCompletionChunk, progress: Progress): string | undefined {
  if (chunk.usage) progress.usage = usageOf(chunk.usage)
  // One is asked for. Servers that give more number them.
  const choice = chunk.choices?.find(({ index }) => !index)
  if (!choice) return undefined
  progress.stopReason = choice.finish_reason ?? progress.stopReason
  if (choice.delta?.refusal) progress.refused = true
  // A model that thinks, by whatever name its server gives to that, is at work.
  return choice.delta?.content ?? ''
}

function stopOf(progress: Progress): 'complete' | 'truncated' | 'refused' {
  const { stopReason, refused } = progress
  if (refused || stopReason === 'content_filter') return 'refused'
  if (stopReason === 'stop') return 'complete'
  if (stopReason === 'length') return 'truncated'
  throw failure('the provider ended its answer for a reason that Deed does not know', progress)
}

function failure(message: string, { usage, requestId }: Progress): ModelError {
  return new ModelError('unavailable', message, { usage, providerRequestId: requestId })
}

/** Tokens read from the cache are counted among those of the prompt; writing to it costs nothing extra. */
function usageOf(usage: NonNullable<ChatCompletionChunk['usage']>): Usage {
  const cached = tokenCount(usage.prompt_tokens_details?.cached_tokens)
  return {
    inputTokens: Math.max(0, tokenCount(usage.prompt_tokens) - cached),
    outputTokens: tokenCount(usage.completion_tokens),
    cacheReadTokens: cached,
    cacheWriteTokens: 0,
  }
}

function body(
  request: CompletionRequest,
  limit: NonNullable<OpenAiOptions['outputLimit']>,
): ChatCompletionCreateParamsStreaming {
  const effort = (request.dialect?.effort ?? understandsEffort(request.model)) ? request.effort : undefined
  const { system, format } = formOf(request)
  const turns = request.turns.map(({ role, text }): ChatCompletionMessageParam => ({ role, content: text }))
  return {
    model: request.model,
    messages: [{ role: 'system', content: system }, ...turns],
    stream: true,
    stream_options: { include_usage: true },
    [limit]: request.maxOutputTokens,
    ...(effort !== undefined && { reasoning_effort: effort }),
    ...(format && { response_format: format }),
  }
}

/** OpenAI's reasoning models; of others, and of deployments with names of their own, the configuration has to say it. */
function understandsEffort(model: string): boolean {
  return /^(o\d|gpt-[5-9])/.test(model) && !model.includes('-chat')
}

type Form = { system: string; format: ChatCompletionCreateParamsStreaming['response_format'] }

/**
 * How the form of the answer is asked for. A schema that strict mode does not take goes as one that is not enforced, and is held
 * to by parse and repair; models that know no schemas are told it, and so are all where the answer is no object.
 */
function formOf({ system, schema, method, dialect }: CompletionRequest): Form {
  const output = schema.type === 'object' ? (dialect?.structuredOutput ?? 'json_schema') : 'none'
  if (output !== 'json_schema') {
    const told = `${system}\n\n# The JSON Schema of the answer\n\n${JSON.stringify(schema)}`
    return { system: told, format: output === 'json_object' ? { type: 'json_object' } : undefined }
  }
  const strict = strictSchema(schema, method)
  const sent: Record<string, unknown> = { ...(strict ?? schema) }
  return {
    system: strict ? `${system}\n\nTo leave an optional field of the answer out, write null for it.` : system,
    format: { type: 'json_schema', json_schema: { name: 'response', schema: sent, strict: strict !== undefined } },
  }
}
