import type { IncomingMessage } from 'node:http'
import { refusalOfChat } from './fake-openai-body.ts'
import { answerOf, cachedFrom, tokensOf } from './fake-text.ts'
import {
  type FakeReply,
  type FakeScript,
  FakeVendor,
  type Frame,
  type Refusal,
  type FakeRequest as RequestOf,
} from './fake-vendor.ts'

/** What a request to the Chat Completions API held. */
export type FakeRequest = RequestOf<ChatBody>

export type ChatBody = {
  model: string
  messages: { role: 'system' | 'developer' | 'user' | 'assistant'; content: string }[]
  stream?: boolean
  stream_options?: { include_usage?: boolean }
  max_completion_tokens?: number
  max_tokens?: number
  reasoning_effort?: string
  response_format?: {
    type: 'text' | 'json_object' | 'json_schema'
    json_schema?: { name: string; strict?: boolean; schema: Record<string, unknown> }
  }
}

export type Script = FakeScript & {
  /** Default `stop`, or what the script's `stop` is here. */
  finishReason?: string
  usage?: Partial<ChatUsage>
}

export type FakeOpenAIOptions = {
  respond?: (request: FakeRequest) => Script | Promise<Script>
  /** Counts tokens by the texts and caches what two prompts begin with; otherwise each completion has the same usage. */
  caches?: boolean
}

/** `cached_tokens` is a part of `prompt_tokens`. */
type ChatUsage = { prompt_tokens: number; completion_tokens: number; cached_tokens: number }
const USAGE: ChatUsage = { prompt_tokens: 100, completion_tokens: 20, cached_tokens: 0 }
/** Codes that the API's errors have; the rest has none. */
const ERROR_CODES = new Map([
  [401, 'invalid_api_key'],
  [404, 'model_not_found'],
  [429, 'rate_limit_exceeded'],
])

/** A fake of OpenAI's Chat Completions API, and of Azure's, which has other paths and names its versions in them. */
export class FakeOpenAI extends FakeVendor<ChatBody, Script> {
  readonly #cached = new Set<string>()
  readonly #caches: boolean

  constructor({ respond = () => ({}), caches = false }: FakeOpenAIOptions = {}) {
    super(respond)
    this.#caches = caches
  }

  /** The value for OPENAI_BASE_URL. */
  get url(): string {
    return `${this.origin}/v1`
  }

  protected override read(request: IncomingMessage, body: unknown): { body: ChatBody } | Refusal {
    const { pathname, searchParams } = new URL(request.url ?? '', this.origin)
    const azure = /^\/openai\/(?:deployments\/([^/]+)|v1)\/chat\/completions$/.exec(pathname)
    const bearer = request.headers.authorization?.startsWith('Bearer ')
    if (!bearer && !(azure && request.headers['api-key'])) return { status: 401, message: 'You provided no API key' }
    const known = azure || pathname === '/v1/chat/completions'
    if (request.method !== 'POST' || !known) return { status: 404, message: `Invalid URL (${pathname})` }
    const deployment = azure?.[1]
    const version = searchParams.get('api-version') ?? ''
    if (deployment !== undefined && !/^\d{4}-\d\d-\d\d(-preview)?$/.test(version))
      return { status: 404, message: 'Resource not found' }
    return refusalOfChat(deployment === undefined ? body : { ...Object(body), model: deployment })
  }

  protected override errorBody({ status, message }: Refusal) {
    const type = status === 400 ? 'invalid_request_error' : status >= 500 ? 'server_error' : 'api_error'
    const error = { message, type, param: null, code: ERROR_CODES.get(status) ?? null }
    return { headers: { 'x-request-id': 'req_error' }, body: { error } }
  }

  protected override reply({ body, n }: FakeRequest, script: Script): FakeReply {
    const answer = answerOf(script, body.response_format?.json_schema?.schema)
    const refuses = script.stop === 'refusal'
    const usage = { ...(this.#caches ? this.#meter(body, answer) : USAGE), ...script.usage }
    const finish_reason = script.finishReason ?? (script.stop === 'limit' ? 'length' : 'stop')
    const requestId = `req_${n}`
    const headers = { 'x-request-id': requestId }
    const completion = { id: `chatcmpl-${n}`, created: 1_767_225_600, model: body.model }
    if (!body.stream) {
      const message = { role: 'assistant', content: refuses ? null : answer, refusal: refuses ? declined : null }
      const choices = [{ index: 0, message, finish_reason }]
      const whole = { ...completion, object: 'chat.completion', choices, usage: usageOf(usage) }
      return {
        headers: { ...headers, 'content-type': 'application/json' },
        requestId,
        head: [],
        text: JSON.stringify(whole),
        frameOf: (part) => part,
        tail: [{ data: '', told: toldBy(usage) }],
        malformed: '"}',
        errorOf: () => '',
      }
    }
    const asked = body.stream_options?.include_usage === true
    const chunk = (choices: object[], more: object | null = null) =>
      data({ ...completion, object: 'chat.completion.chunk', choices, ...(asked ? { usage: more } : {}) })
    const delta = (change: object, finish: string | null = null) =>
      chunk([{ index: 0, delta: change, logprobs: null, finish_reason: finish }])
    const told: Frame[] = asked ? [{ data: chunk([], usageOf(usage)), told: toldBy(usage) }] : []
    return {
      headers: { ...headers, 'content-type': 'text/event-stream; charset=utf-8' },
      requestId,
      head: [{ data: delta({ role: 'assistant', content: '', refusal: null }) }],
      text: refuses ? declined : answer,
      frameOf: (part) => delta(refuses ? { refusal: part } : { content: part }),
      tail: [{ data: delta({}, finish_reason) }, ...told, { data: 'data: [DONE]\n\n' }],
      malformed: 'data: {"id": "chatcm\n\n',
      errorOf: (type) => data({ error: { message: 'scripted', type, param: null, code: null } }),
    }
  }

  #meter({ model, messages }: ChatBody, answer: string): ChatUsage {
    const [first, ...rest] = messages.map(({ content }) => content)
    const fixed = tokensOf(first ?? '')
    const key = `${model} ${first}`
    const cached_tokens = this.#cached.has(key) ? fixed : 0
    if (fixed >= cachedFrom) this.#cached.add(key)
    const prompt_tokens = rest.reduce((sum, content) => sum + tokensOf(content), fixed)
    return { prompt_tokens, completion_tokens: tokensOf(answer), cached_tokens }
  }
}

const declined = "I'm sorry, I cannot help with that request."

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function usageOf({ prompt_tokens, completion_tokens, cached_tokens }: ChatUsage) {
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens },
  }
}

function toldBy({ prompt_tokens, completion_tokens, cached_tokens }: ChatUsage) {
  return {
    inputTokens: prompt_tokens - cached_tokens,
    outputTokens: completion_tokens,
    cacheReadTokens: cached_tokens,
    cacheWriteTokens: 0,
  }
}
