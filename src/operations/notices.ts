import type { Logger } from 'pino'
import { type Listener, maxPayloadBytes, notify } from '../storage/listener.ts'
import type { Queryable } from '../storage/statements/statement.ts'

/** Replicas tell each other at most this often: NOTIFY takes a lock at COMMIT that all of the database share. */
const flushMs = 8

/** What replicas tell each other. `full`: there was more than a notification holds. */
type Notice = { ready?: string[]; settled?: string[]; stored?: string[]; full?: true }

/**
 * Tells the other replicas what is due, what has ended and what streams have grown, so that they need not wait for their next poll. A notification can
 * be lost: nothing depends on it but the time that something takes.
 */
export class Notices {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #alone: () => boolean
  readonly #ready = new Set<string>()
  readonly #settled = new Set<string>()
  readonly #stored = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  /** Projects with due work. */
  onReady: (projectIds: readonly string[]) => void = () => {}
  /** Operations that have a result, some of which may be this replica's own news. */
  onSettled: (operationIds: readonly string[]) => void = () => {}
  /** Operations that have more items, some of which may be this replica's own news. */
  onStored: (operationIds: readonly string[]) => void = () => {}
  /** Notifications may be missing. */
  onGap: () => void = () => {}

  constructor(db: Queryable, listener: Listener, log: Logger, alone: () => boolean) {
    this.#db = db
    this.#log = log
    this.#alone = alone
    listener.onNotice = (payload) => this.#receive(payload)
    listener.onListen = () => this.onGap()
  }

  /** A project got due work that this replica does not take itself at once. */
  ready(projectId: string): void {
    this.#ready.add(projectId)
    this.#schedule()
  }

  /** An operation has a result for which somebody may wait elsewhere. */
  settled(operationId: string): void {
    this.#settled.add(operationId)
    this.#schedule()
  }

  /** An operation has more items, for which somebody may wait elsewhere. */
  stored(operationId: string): void {
    this.#stored.add(operationId)
    this.#schedule()
  }

  /** Sends what is left. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#flush()
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.#flush()
    }, flushMs)
  }

  async #flush(): Promise<void> {
    const ready = [...this.#ready]
    const settled = [...this.#settled]
    const stored = [...this.#stored]
    this.#ready.clear()
    this.#settled.clear()
    this.#stored.clear()
    const count = ready.length + settled.length + stored.length
    if (this.#alone() || count === 0) return
    // 39 bytes each.
    const room = Math.floor((maxPayloadBytes - 100) / 39)
    const notice: Notice = {
      ...(ready.length > 0 && { ready: ready.slice(0, room) }),
      ...(settled.length > 0 && { settled: settled.slice(0, Math.max(0, room - ready.length)) }),
      ...(stored.length > 0 && { stored: stored.slice(0, Math.max(0, room - ready.length - settled.length)) }),
      ...(count > room && { full: true }),
    }
    try {
      await notify(this.#db, JSON.stringify(notice))
    } catch (error) {
      this.#log.warn({ err: error }, 'other replicas were not notified')
    }
  }

  #receive(payload: string): void {
    const { ready = [], settled = [], stored = [], full } = parse(payload)
    if (full) this.onGap()
    if (ready.length > 0) this.onReady(ready)
    if (settled.length > 0) this.onSettled(settled)
    if (stored.length > 0) this.onStored(stored)
  }
}

/** What another release sends may be anything. */
function parse(payload: string): Notice {
  try {
    const value: unknown = JSON.parse(payload)
    if (!(value instanceof Object)) return {}
    const strings = (key: string): string[] => {
      const found: unknown = Reflect.get(value, key)
      return Array.isArray(found) ? found.filter((item) => typeof item === 'string') : []
    }
    return {
      ready: strings('ready'),
      settled: strings('settled'),
      stored: strings('stored'),
      ...('full' in value && { full: true }),
    }
  } catch {
    return {}
  }
}
