import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Frames, readBind } from './pg-frames.ts'

/**
 * Where a prepared statement is: `before` the database has it; `executed`, and committed where it is a transaction of its own,
 * with its reply still here; `after` the reply was passed on.
 */
export type Moment = 'before' | 'executed' | 'after'

/** Called at each moment of each statement; what it waits for holds that connection up. */
export type Hook = (statement: string, moment: Moment, link: Link) => void | Promise<void>

/** One connection through the proxy. */
export type Link = { cut(): void }

/** Stands between a replica and PostgreSQL, reads along, and breaks things. */
export class PgProxy implements AsyncDisposable {
  readonly #links = new Set<{ client: Socket; server: Socket }>()
  readonly #server = createServer((client) => this.#link(client))
  readonly #upstream: URL
  #port = 0
  #resume = Promise.withResolvers<void>()
  #stalled = false
  hook: Hook | undefined
  /** Milliseconds that each piece of a reply takes longer; asked for each. */
  delayMs: () => number = () => 0
  dropNotifications = false
  /** How many notifications were dropped. */
  dropped = 0
  /** Under which id the replica behind it was last registered. */
  replicaId: string | undefined

  /** `upstream`: the URL of the database. */
  constructor(upstream: string) {
    this.#upstream = new URL(upstream)
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }

  /** The URL of the database through the proxy. */
  get url(): string {
    const url = new URL(this.#upstream)
    url.port = String(this.#port)
    return url.href
  }

  get connections(): number {
    return this.#links.size
  }

  /** Ends every connection at once, as a firewall does that resets. */
  cut(): void {
    for (const { client, server } of this.#links) {
      client.destroy()
      server.destroy()
    }
  }

  /** Passes nothing on any more and closes nothing; new connections are taken, and get no answer. */
  stall(): void {
    this.#stalled = true
  }

  /** What was held up goes on. */
  resume(): void {
    this.#stalled = false
    this.#resume.resolve()
    this.#resume = Promise.withResolvers()
  }

  /** As if nothing had ever been broken. */
  calm(): void {
    this.hook = undefined
    this.delayMs = () => 0
    this.dropNotifications = false
    this.resume()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.calm()
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #link(client: Socket): void {
    const server = connect({ host: this.#upstream.hostname, port: Number(this.#upstream.port) })
    const sockets = { client, server }
    this.#links.add(sockets)
    const end = () => {
      this.#links.delete(sockets)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', end)
    }
    // A Bind names the statement; the replies until ReadyForQuery are its own.
    const running: { statement: string | undefined } = { statement: undefined }
    const link: Link = { cut: end }
    this.#forward(client, server, running, link).catch(end)
    this.#back(server, client, running, link).catch(end)
  }

  async #forward(
    client: Socket,
    server: Socket,
    running: { statement: string | undefined },
    link: Link,
  ): Promise<void> {
    const frames = new Frames(true)
    for await (const chunk of client) {
      for (const frame of frames.push(chunk)) {
        const bind = readBind(frame)
        if (bind) {
          running.statement = bind.statement
          if (bind.statement === 'register') this.replicaId = bind.values()[0]
          await this.hook?.(bind.statement, 'before', link)
        }
        while (this.#stalled) await this.#resume.promise
        server.write(frame.bytes)
      }
    }
  }

  async #back(server: Socket, client: Socket, running: { statement: string | undefined }, link: Link): Promise<void> {
    const frames = new Frames(false)
    let held: Buffer[] = []
    for await (const chunk of server) {
      const delayMs = this.delayMs()
      if (delayMs > 0) await sleep(delayMs)
      for (const { type, bytes } of frames.push(chunk)) {
        if (type === 'A' && this.dropNotifications) {
          this.dropped++
          continue
        }
        held.push(bytes)
        const { statement } = running
        if (statement !== undefined && type !== 'Z') continue
        if (statement !== undefined) await this.hook?.(statement, 'executed', link)
        while (this.#stalled) await this.#resume.promise
        client.write(Buffer.concat(held))
        held = []
        running.statement = undefined
        if (statement !== undefined) await this.hook?.(statement, 'after', link)
      }
    }
  }
}
