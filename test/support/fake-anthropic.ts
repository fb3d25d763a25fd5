import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { fillSchema, refusalOf } from './fake-anthropic-schema.ts'

/** What a request to the Messages API held, and how the fake is to answer it. */
export type FakeRequest = { body: MessagesBody; headers: IncomingHttpHeaders /** From 1. */; n: number }

export type MessagesBody = {
  model: string
  max_tokens: number
  stream?: boolean
  system?: { type: 'text'; text: string; cache_control?: { type: 'ephemeral' } }[]
  messages: { role: 'user' | 'assistant'; content: string }[]
  output_config?: { format?: { type: 'json_schema'; schema: Record<string, unknown> } }
}

export type Script = {
  /** The answer; default: plausible values for the schema that was sent. */
  text?: string
  json?: unknown
  delayMs?: number
  /** Default `end_turn`. */
  stopReason?: string
  usage?: Partial<typeof USAGE>
  /** An HTTP error instead of an answer. */
  status?: number
  headers?: Record<string, string>
  /** Accepts the request and never answers. */
  hang?: boolean
  /** Ends the connection, or just the body, in the middle of the answer. */
  cut?: 'connection' | 'body'
  /** Sends a chunk that is no JSON. */
  malformed?: boolean
  /** Sends an error event of this type in the middle of the answer. */
  errorEvent?: string
}

export type FakeAnthropicOptions = { respond?: (request: FakeRequest) => Script | Promise<Script> }

const USAGE = { input_tokens: 100, output_tokens: 20, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }
const FIELDS = new Set(['model', 'max_tokens', 'stream', 'system', 'messages', 'output_config', 'metadata'])

/** A local HTTP server that speaks Anthropic's Messages API and refuses what the real one refuses. */
export class FakeAnthropic implements AsyncDisposable {
  /** Every request that was well-formed enough to be answered by script, in order of arrival. */
  readonly requests: FakeRequest[] = []
  /** The value for ANTHROPIC_BASE_URL. */
  url = ''
  readonly #options: FakeAnthropicOptions
  readonly #server = createServer((request, response) => {
    this.#handle(request, response).catch(() => response.destroy())
  })

  constructor(options: FakeAnthropicOptions = {}) {
    this.#options = options
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    this.url = `http://127.0.0.1:${isPort(address) ? address.port : 0}`
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = parsed(Buffer.concat(chunks).toString('utf8'))
    if (!request.headers['x-api-key'] && !request.headers.authorization?.startsWith('Bearer '))
      return sendError(response, 401, 'authentication_error', 'an API key is required')
    if (request.method !== 'POST' || request.url !== '/v1/messages')
      return sendError(response, 404, 'not_found_error', 'Not found')
    const fault = refusalOfBody(body, request.headers)
    if (fault || !isBody(body)) return sendError(response, 400, 'invalid_request_error', fault ?? 'invalid body')
    const received: FakeRequest = { body, headers: request.headers, n: this.requests.length + 1 }
    this.requests.push(received)
    const script = (await this.#options.respond?.(received)) ?? {}
    if (script.delayMs) await delay(script.delayMs)
    if (script.hang) return
    if (script.status) return sendError(response, script.status, 'api_error', `scripted: ${body.model}`, script.headers)
    const message = messageOf(body, script, received.n)
    if (body.stream) return sendStream(response, message, script)
    response
      .writeHead(200, { 'content-type': 'application/json', ...identity(received.n) })
      .end(JSON.stringify(message))
  }
}

type Answer = ReturnType<typeof messageOf>

function messageOf(body: MessagesBody, script: Script, n: number) {
  const answer = script.json ?? fillSchema(body.output_config?.format?.schema)
  return {
    id: `msg_${n}`,
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: [{ type: 'text', text: script.text ?? JSON.stringify(answer) }],
    stop_reason: script.stopReason ?? 'end_turn',
    stop_sequence: null,
    usage: { ...USAGE, ...script.usage },
  }
}

function sendStream(response: ServerResponse, message: Answer, script: Script): void {
  const send = (type: string, data: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  const text = message.content[0]?.text ?? ''
  const half = Math.ceil(text.length / 2)
  const delta = (part: string) => send('content_block_delta', { index: 0, delta: { type: 'text_delta', text: part } })
  response.writeHead(200, { 'content-type': 'text/event-stream', ...identity(Number(message.id.slice('msg_'.length))) })
  const usage = { ...message.usage, output_tokens: 1 }
  send('message_start', { message: { ...message, content: [], stop_reason: null, usage } })
  send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
  send('ping', {})
  delta(text.slice(0, half))
  if (script.malformed) response.write('event: content_block_delta\ndata: {"type": "content_bl\n\n')
  if (script.errorEvent) send('error', { error: { type: script.errorEvent, message: 'scripted' } })
  if (script.cut === 'connection') return void setImmediate(() => response.destroy())
  if (script.cut === 'body' || script.errorEvent) return void response.end()
  delta(text.slice(half))
  send('content_block_stop', { index: 0 })
  const { output_tokens } = message.usage
  send('message_delta', { delta: { stop_reason: message.stop_reason, stop_sequence: null }, usage: { output_tokens } })
  send('message_stop', {})
  response.end()
}

function sendError(response: ServerResponse, status: number, type: string, message: string, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_error', ...headers })
  response.end(JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_error' }))
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
  if (messages.some((message) => !isObject(message) || !hasText(message['content']))) {
    return 'messages: text content blocks must be non-empty'
  }
  if (messages.some((message, index) => message.role !== (index % 2 === 0 ? 'user' : 'assistant')))
    return 'messages: roles must alternate'
  if (messages.length % 2 === 0) return 'This model does not support assistant message prefill'
  const config = body['output_config']
  const format = isObject(config) ? config['format'] : undefined
  if (!isObject(format)) return undefined
  if (format['type'] !== 'json_schema') return 'output_config.format.type: must be json_schema'
  return refusalOf(format['schema'])
}

function isBody(body: unknown): body is MessagesBody {
  return isObject(body) && typeof body['model'] === 'string' && Array.isArray(body['messages'])
}

function identity(n: number): Record<string, string> {
  return { 'request-id': `req_${n}` }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isPort(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}

/** Text, or blocks of it. */
function hasText(content: unknown): boolean {
  if (typeof content === 'string') return content.trim() !== ''
  return (
    Array.isArray(content) && content.length > 0 && content.every((block) => isObject(block) && hasText(block['text']))
  )
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
