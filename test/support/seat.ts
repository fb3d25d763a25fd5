import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Pool } from 'pg'
import type { DeedClient } from './deed-client.ts'
import { type DeedEnvironment, type DeedProcess, spawnDeed, startDeed } from './deed-process.ts'
import type { Ground } from './ground.ts'
import { PgProxy } from './pg-proxy.ts'

const clock = fileURLToPath(new URL('shifted-clock.ts', import.meta.url))

/** Of each replica, so that a leak shows. */
export const poolSize = 6

/** A replica's place: when the one that has it is killed, another gets its port, its proxy, its clients. */
export class Seat implements AsyncDisposable {
  readonly proxy: PgProxy
  readonly client: DeedClient
  readonly #env: DeedEnvironment
  readonly #pool: Pool
  #process: DeedProcess

  private constructor(proxy: PgProxy, client: DeedClient, env: DeedEnvironment, pool: Pool, started: DeedProcess) {
    this.proxy = proxy
    this.client = client
    this.#env = env
    this.#pool = pool
    this.#process = started
  }

  /** `url`: of the database; `pool`: beside the replica; `clockMs`: what its clock is wrong by. */
  static async take(ground: Ground, url: string, pool: Pool, clockMs: number): Promise<Seat> {
    const proxy = await new PgProxy(url).start()
    const env = await ground.env({
      DATABASE_URL: proxy.url,
      DEED_DATABASE_CONNECTIONS: String(poolSize),
      ...(clockMs !== 0 && { NODE_OPTIONS: `--import=${clock}`, TEST_CLOCK_OFFSET_MS: String(clockMs) }),
    })
    const started = await startDeed(env)
    return new Seat(proxy, ground.client(started.address), env, pool, started)
  }

  get pid(): number {
    return this.#process.pid
  }

  get address(): string {
    return `127.0.0.1:${this.#env['DEED_PORT']}`
  }

  send(signal: NodeJS.Signals): void {
    this.#process.send(signal)
  }

  kill(): Promise<void> {
    return this.#process.kill()
  }

  /** As if the 10 s were over that a replica lives on in the database: what it held is reaped now. */
  async expire(): Promise<void> {
    await this.#pool.query('delete from replica where id = $1', [this.proxy.replicaId])
  }

  /** Another replica in place of one that is dead. Throws, and leaves none, when it does not come up. */
  async replace(): Promise<void> {
    this.proxy.calm()
    this.#process = spawnDeed(this.#env)
    try {
      await this.#process.listening()
    } catch (error) {
      await this.#process.kill()
      throw error
    }
  }

  /** Megabytes that the process has in memory. */
  async memoryMb(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8').catch(() => '')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
  }

  /** Drains it; throws what it wrote when that did not go well. */
  async stop(): Promise<void> {
    this.proxy.calm()
    const { code, stderr } = await this.#process.stop()
    if (code !== 0) throw new Error(`a replica ended with ${code}: ${stderr}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
    await this.proxy[Symbol.asyncDispose]()
  }
}
