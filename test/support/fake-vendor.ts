import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { NO_USAGE, type Usage } from '../../src/models/provider.ts'
import { partsOf, pieceOf } from './fake-text.ts'

/** A request that a fake took. */
export type FakeRequest<Body> = {
  body: Body
  headers: IncomingHttpHeaders
  /** From 1. */
  n: number
  /** Milliseconds, on this process's monotonic clock. */
  at: number
}

/** How a request is answered, in whichever protocol. */
export type FakeScript = {
  /** The answer; default: plausible values for the schema that was sent. */
  text?: string
  json?: unknown
  /** Makes the first string of the answer so long that the answer has that many characters. */
  chars?: number
  delayMs?: number
  /** Between two tokens of the answer. */
  tokenMs?: number
  /** Why the model stops, other than that it is done; at a limit in the middle of its answer. */
  stop?: 'limit' | 'refusal'
  /** An HTTP error instead of an answer. */
  status?: number
  headers?: Record<string, string>
  /** Goes silent: as soon as it has the request (true), when the headers and the stream's start are out, or half of the answer. */
  hang?: boolean | 'after headers' | 'in mid-answer'
  /** Ends the connection, or just the body, in the middle of the answer. */
  cut?: 'connection' | 'body'
  /** Where exactly: between two events (default), within one, or within a character of one. */
  cutIn?: 'json' | 'event' | 'utf-8'
  /** Sends a chunk that is no JSON. */
  malformed?: boolean
  /** Sends an error event of this type in the middle of the answer. */
  errorEvent?: string
}

/** How long a client may take to leave; one on a busy machine needs some of it. */
const patienceMs = 10_000

/** What a vendor told, of a request that it answered, about what it costs: nothing yet, or what came last. */
export type Bill = { model: string; requestId: string; usage: Usage }

/** A part of a reply. `told`: the usage that it tells. */
export type Frame = { data: string; told?: Usage }

/** An answer in a vendor's protocol: `head`, then a frame for each part of the text, then `tail`. */
export type FakeReply = {
  headers: Record<string, string>
  requestId: string
  head: readonly Frame[]
  text: string
  frameOf(part: string): string
  tail: readonly Frame[]
  malformed: string
  errorOf(type: string): string
}

export type Refusal = { status: number; message: string }

/**
 * A local HTTP server that speaks a vendor's protocol, refuses what the real one refuses, and answers or misbehaves by script. It
 * counts what it was asked and what it billed.
 */
export abstract class FakeVendor<Body extends { model: string }, Script extends FakeScript> implements AsyncDisposable {
  /** Every request that was well-formed enough to be answered by script, in order of arrival. */
  readonly requests: FakeRequest<Body>[] = []
  /** Of those that it began to answer, in the order in which it did. */
  readonly bills: Bill[] = []
  /** `http://127.0.0.1:port` */
  origin = ''
  readonly #respond: (request: FakeRequest<Body>) => Script | Promise<Script>
  readonly #server = createServer((request, response) => {
    this.#handle(request, response).catch(() => response.destroy())
  })

  constructor(respond: (request: FakeRequest<Body>) => Script | Promise<Script>) {
    this.#respond = respond
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    this.origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  /** What of the request is to be answered, or why the real API would refuse it. */
  protected abstract read(request: IncomingMessage, body: unknown): { body: Body } | Refusal
  protected abstract reply(request: FakeRequest<Body>, script: Script): FakeReply
  protected abstract errorBody(refusal: Refusal): { headers: Record<string, string>; body: object }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const read = this.read(request, parsed(Buffer.concat(chunks).toString('utf8')))
    if (!('body' in read)) return this.#refuse(response, read)
    const { body } = read
    const received = { body, headers: request.headers, n: this.requests.length + 1, at: performance.now() }
    this.requests.push(received)
    const script = await this.#respond(received)
    if (script.delayMs) await delay(script.delayMs)
    if (script.hang === true) return
    if (script.status) {
      const message = `scripted by the fake of ${body.model}`
      return this.#refuse(response, { status: script.status, message }, script.headers)
    }
    const reply = this.reply(received, script)
    const bill: Bill = { model: body.model, requestId: reply.requestId, usage: NO_USAGE }
    this.bills.push(bill)
    response.writeHead(200, { ...reply.headers, ...script.headers }).flushHeaders()
    await this.#send(response, reply, script, bill)
  }

  #refuse(response: ServerResponse, refusal: Refusal, more: Record<string, string> = {}): void {
    const { headers, body } = this.errorBody(refusal)
    response.writeHead(refusal.status, { 'content-type': 'application/json', ...headers, ...more })
    response.end(JSON.stringify(body))
  }

  async #send(response: ServerResponse, reply: FakeReply, script: Script, bill: Bill): Promise<void> {
    const write = async ({ data, told }: Frame) => {
      if (told) bill.usage = told
      await this.#write(response, data)
    }
    for (const frame of reply.head) await write(frame)
    if (script.hang === 'after headers') return
    const parts = partsOf(reply.text, script.tokenMs !== undefined)
    const middle = Math.ceil(parts.length / 2)
    for (const [index, part] of parts.entries()) {
      if (script.tokenMs) await delay(script.tokenMs)
      if (index === middle && (await this.#interrupt(response, reply, script, part))) return
      await write({ data: reply.frameOf(part) })
    }
    if (script.chars !== undefined) await this.#givesUp(response)
    for (const frame of reply.tail) await write(frame)
    response.end()
  }

  /** What goes wrong in the middle of the answer. Whether that was its end. */
  async #interrupt(response: ServerResponse, reply: FakeReply, script: Script, next: string): Promise<boolean> {
    if (script.malformed) {
      await this.#write(response, reply.malformed)
      await this.#givesUp(response)
    }
    if (script.errorEvent) await this.#write(response, reply.errorOf(script.errorEvent))
    if (script.cut) {
      const piece = pieceOf(reply.frameOf(next), script.cutIn ?? 'json')
      if (piece.length > 0) await this.#write(response, piece)
    }
    if (script.hang) return true
    if (script.cut === 'connection') response.destroy()
    else if (script.cut || script.errorEvent) response.end()
    return script.cut !== undefined || script.errorEvent !== undefined
  }

  /** Nothing more is billed to whoever leaves at this point; the rest is for whoever goes on. */
  async #givesUp(response: ServerResponse): Promise<void> {
    await Promise.race([once(response, 'close'), delay(patienceMs, undefined, { ref: false })])
  }

  /** Resolves when the system has it; rejects when the client is gone. */
  async #write(response: ServerResponse, data: string | Buffer): Promise<void> {
    if (response.destroyed) throw new Error('the client is gone')
    const sent = Promise.withResolvers<void>()
    response.write(data, (error) => (error ? sent.reject(error) : sent.resolve()))
    await sent.promise
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
