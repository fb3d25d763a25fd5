import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import type { Logger } from 'pino'
import { connectTimeoutMs } from './connect-timeout.ts'
import { type Queryable, run } from './statements/statement.ts'

const channel = 'deed'
/** What is sent by {@link notify} is shorter than this in bytes (PostgreSQL takes less than 8,000). */
export const maxPayloadBytes = 7_900
const testTimeoutMs = 2_000
/** How often a connection that listens is asked to prove it, and one that does not is tried again. */
const testMs = 30_000
const reconnectMs = 1_000
const testPrefix = 'test '

/** Tells every listener, in a transaction of its own: the lock that NOTIFY takes at COMMIT is never held by accept or settle. */
export async function notify(db: Queryable, payload: string): Promise<void> {
  await run(db, 'notify', `select pg_notify('${channel}', $1)`, [payload])
}

/**
 * The one connection outside the pool: LISTEN, with reconnect. A pooler in transaction mode takes LISTEN and swallows what
 * is sent, so each connection is tested with a notification of its own, through the pool, as the others' will come.
 */
export class Listener {
  readonly #url: string
  readonly #db: Queryable
  readonly #log: Logger
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined
  #listening = false
  #warned = false
  /** A payload from any replica, this one's included. */
  onNotice: (payload: string) => void = () => {}
  /** After the connection was lost and found again: notifications may have been missed. */
  onListen: () => void = () => {}

  constructor(url: string, db: Queryable, log: Logger) {
    this.#url = url
    this.#db = db
    this.#log = log
  }

  /** Whether notifications arrive, as the last test showed. */
  get listening(): boolean {
    return this.#listening
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const client = new Client({
        connectionString: this.#url,
        application_name: 'deed listen',
        connectionTimeoutMillis: connectTimeoutMs,
        query_timeout: connectTimeoutMs,
        keepAlive: true,
      })
      try {
        await this.#listen(client, signal)
      } catch (error) {
        if (!signal.aborted) this.#log.warn({ err: error }, 'the connection that listens was lost')
      }
      this.#listening = false
      await client.end().catch(() => {})
      await delay(reconnectMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
    }
  }

  /** Listens until the connection is lost or a test fails on one that had passed it. */
  async #listen(client: Client, signal: AbortSignal): Promise<void> {
    const lost = Promise.withResolvers<never>()
    lost.promise.catch(() => {})
    client.on('error', lost.reject)
    client.on('end', () => lost.reject(new Error('the connection ended')))
    signal.addEventListener('abort', () => lost.reject(signal.reason), { once: true })
    let awaited = ''
    let arrived: () => void = () => {}
    client.on('notification', ({ payload = '' }) => {
      if (payload === awaited) arrived()
      else if (!payload.startsWith(testPrefix)) this.onNotice(payload)
    })
    await Promise.race([client.connect(), lost.promise])
    await Promise.race([client.query(`listen ${channel}`), lost.promise])
    while (!signal.aborted) {
      awaited = testPrefix + randomUUID()
      const heard = new Promise<boolean>((resolve) => {
        arrived = () => resolve(true)
      })
      await Promise.race([notify(this.#db, awaited), lost.promise])
      const passed = await Promise.race([heard, delay(testTimeoutMs, false, { ref: false }), lost.promise])
      if (!passed && this.#listening) throw new Error('a notification did not arrive')
      if (!passed) this.#warn()
      else if (!this.#listening) {
        this.#listening = true
        this.#warned = false
        this.onListen()
      }
      await Promise.race([delay(testMs, undefined, { signal }), lost.promise])
    }
  }

  #warn(): void {
    if (this.#warned) return
    this.#warned = true
    this.#log.warn(
      'notifications do not arrive, so this replica polls: DATABASE_URL may lead through a pooler in transaction mode',
    )
  }
}
