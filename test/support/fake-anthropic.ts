import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { parseArgs } from 'node:util'
import { refusalOf } from './fake-anthropic-schema.ts'
import { answerOf, cachedFrom, tokensOf } from './fake-text.ts'
import {
  type FakeReply,
  type FakeScript,
  FakeVendor,
  isObject,
  type Refusal,
  type FakeRequest as RequestOf,
} from './fake-vendor.ts'

/** What a request to the Messages API held. */
export type FakeRequest = RequestOf<MessagesBody>

export type MessagesBody = {
  model: string
  max_tokens: number
  stream?: boolean
  system?: { type: 'text'; text: string; cache_control?: { type: 'ephemeral' } }[]
  messages: { role: 'user' | 'assistant'; content: string }[]
  output_config?: { format?: { type: 'json_schema'; schema: Record<string, unknown> } }
}

export type Script = FakeScript & {
  /** Default `end_turn`, or what the script's `stop` is here. */
  stopReason?: string
  usage?: Partial<MessagesUsage>
}

export type FakeAnthropicOptions = {
  respond?: (request: FakeRequest) => Script | Promise<Script>
  /** Counts tokens by the texts and caches what is marked for it; otherwise each completion has the same usage. */
  caches?: boolean
}

type MessagesUsage = typeof USAGE
const USAGE = { input_tokens: 100, output_tokens: 20, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }
const STOP_REASONS = { limit: 'max_tokens', refusal: 'refusal' }
const FIELDS = new Set(['model', 'max_tokens', 'stream', 'system', 'messages', 'output_config', 'metadata'])
/** By https://platform.claude.com/docs/en/api/errors; what is not there is an `api_error`. */
const ERROR_TYPES = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [529, 'overloaded_error'],
])

/** A fake of Anthropic's Messages API. */
export class FakeAnthropic extends FakeVendor<MessagesBody, Script> {
  readonly #cached = new Set<string>()
  readonly #caches: boolean

  constructor({ respond = () => ({}), caches = false }: FakeAnthropicOptions = {}) {
    super(respond)
    this.#caches = caches
  }

  /** The value for ANTHROPIC_BASE_URL. */
  get url(): string {
    return this.origin
  }

  protected override read(request: IncomingMessage, body: unknown): { body: MessagesBody } | Refusal {
    if (!request.headers['x-api-key'] && !request.headers.authorization?.startsWith('Bearer '))
      return { status: 401, message: 'an API key is required' }
    if (request.method !== 'POST' || request.url !== '/v1/messages') return { status: 404, message: 'Not found' }
    const fault = refusalOfBody(body, request.headers)
    return !fault && isBody(body) ? { body } : { status: 400, message: fault ?? 'invalid body' }
  }

  protected override errorBody({ status, message }: Refusal) {
    const type = ERROR_TYPES.get(status) ?? 'api_error'
    const body = { type: 'error', error: { type, message }, request_id: 'req_error' }
    return { headers: { 'request-id': 'req_error' }, body }
  }

  protected override reply({ body, n }: FakeRequest, script: Script): FakeReply {
    const text = answerOf(script, body.output_config?.format?.schema)
    const usage = { ...(this.#caches ? this.#meter(body, text) : USAGE), ...script.usage }
    const stop_reason = script.stopReason ?? (script.stop ? STOP_REASONS[script.stop] : 'end_turn')
    const message = { id: `msg_${n}`, type: 'message', role: 'assistant', model: body.model, stop_sequence: null }
    const requestId = `req_${n}`
    const headers = { 'request-id': requestId }
    if (!body.stream) {
      const whole = { ...message, content: [{ type: 'text', text }], stop_reason, usage }
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
    const atStart = { ...usage, output_tokens: 1 }
    const start = { message: { ...message, content: [], stop_reason: null, usage: atStart } }
    const end = { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: usage.output_tokens } }
    return {
      headers: { ...headers, 'content-type': 'text/event-stream' },
      requestId,
      head: [
        { data: event('message_start', start), told: toldBy(atStart) },
        { data: event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) },
        { data: event('ping', {}) },
      ],
      text,
      frameOf: (part) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: part } }),
      tail: [
        { data: event('content_block_stop', { index: 0 }) },
        { data: event('message_delta', end), told: toldBy(usage) },
        { data: event('message_stop', {}) },
      ],
      malformed: 'event: content_block_delta\ndata: {"type": "content_bl\n\n',
      errorOf: (type) => event('error', { error: { type, message: 'scripted' } }),
    }
  }

  /** What comes before a mark is written to the cache, or read from it when it is there. */
  #meter({ model, system = [], messages }: MessagesBody, answer: string): MessagesUsage {
    let [prefix, tokens, marked, read] = [model, 0, 0, 0]
    for (const { text, isMarked } of [...system, ...messages.map(({ content }) => content)].flatMap(blocksOf)) {
      prefix += text
      tokens += tokensOf(text)
      if (!isMarked || tokens < cachedFrom) continue
      marked = tokens
      if (this.#cached.has(prefix)) read = tokens
      this.#cached.add(prefix)
    }
    return {
      input_tokens: tokens - marked,
      output_tokens: tokensOf(answer),
      cache_read_input_tokens: read,
      cache_creation_input_tokens: marked - read,
    }
  }
}

/** The texts of a system prompt's block, or of a message. */
function blocksOf(content: unknown): { text: string; isMarked: boolean }[] {
  if (Array.isArray(content)) return content.flatMap(blocksOf)
  if (!isObject(content)) return [{ text: String(content), isMarked: false }]
  return [{ text: String(content['text']), isMarked: content['cache_control'] !== undefined }]
}

function event(type: string, data: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
}

function toldBy(usage: MessagesUsage) {
  return {
    inputTokens: usage.input_tokens,
    outputTokens: usage.output_tokens,
    cacheReadTokens: usage.cache_read_input_tokens,
    cacheWriteTokens: usage.cache_creation_input_tokens,
  }
}

function refusalOfBody(body: unknown, headers: IncomingHttpHeaders): string | undefined {
  if (!headers['anthropic-version']) return 'anthropic-version: header is required'
  if (!isObject(body)) return 'The request body is not valid JSON'
  const unknown = Object.keys(body).find((name) => !FIELDS.has(name))
  if (unknown) return `${unknown}: Extra inputs are not permitted`
  if (typeof body['model'] !== 'string') return 'model: Field required'
  if (!Number.isInteger(body['max_tokens']) || Number(body['max_tokens']) < 1) return 'max_tokens: must be at least 1'
  const messages = body['messages']
  if (!Array.isArray(messages) || messages.length === 0) return 'messages: at least one message is required'
  if (messages.some((message) => !isObject(message) || !hasText(message['content'])))
    return 'messages: text content blocks must be non-empty'
  if (messages.some((message, index) => message.role !== (index % 2 === 0 ? 'user' : 'assistant')))
    return 'messages: roles must alternate'
  if (messages.length % 2 === 0) return 'This model does not support assistant message prefill'
  const config = body['output_config']
  const format = isObject(config) ? config['format'] : undefined
  if (!isObject(format)) return undefined
  if (format['type'] !== 'json_schema') return 'output_config.format.type: must be json_schema'
  return refusalOf(format['schema'])
}

/** Text, or blocks of it. */
function hasText(content: unknown): boolean {
  const blocks = content === undefined ? [] : blocksOf(content)
  return blocks.length > 0 && blocks.every(({ text }) => text.trim() !== '')
}

function isBody(body: unknown): body is MessagesBody {
  return isObject(body) && typeof body['model'] === 'string' && Array.isArray(body['messages'])
}

// As a process of its own: prints its URL as the first line, then serves until it is ended.
if (import.meta.main) {
  const { values } = parseArgs({ options: { delay: { type: 'string', default: '0' }, answer: { type: 'string' } } })
  const script: Script = {
    delayMs: Number(values.delay),
    ...(values.answer === undefined ? {} : { text: values.answer }),
  }
  const fake = await new FakeAnthropic({ respond: () => script }).start()
  console.log(fake.url)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void fake[Symbol.asyncDispose]())
}
