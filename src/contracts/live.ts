import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../storage/database.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import type { Contract } from './method.ts'
import { catalogChanges, catalogRevision, loadVersion } from './store.ts'

/** A change is followed within a second on every replica; one poll reads one row. */
const pollMs = 250
/** Earlier versions that are kept compiled for operations which were accepted with them. */
const maxVersions = 256

/** The contracts that are active now, by project, and earlier versions on demand. */
export class LiveContracts {
  readonly #db: Database
  readonly #log: Logger
  readonly #active = new Map<string, Map<string, Contract>>()
  readonly #versions = new Map<string, Promise<Contract | undefined>>()
  readonly #stop = new AbortController()
  #revision = -1n
  #refreshing: Promise<void> | undefined
  #following: Promise<void> | undefined
  /** Called after a change with the names of the contracts that it concerned. */
  onChange: (names: readonly string[]) => void = () => {}

  constructor(db: Database, log: Logger) {
    this.#db = db
    this.#log = log
  }

  /** The active version of a project's contract. */
  get(projectId: string, name: string): Contract | undefined {
    return this.#active.get(projectId)?.get(name)
  }

  /** All active contracts of a project. */
  ofProject(projectId: string): Contract[] {
    return [...(this.#active.get(projectId)?.values() ?? [])]
  }

  /** Every active contract with this name, in whichever project. */
  named(name: string): Contract[] {
    return [...this.#active.values()].flatMap((contracts) => contracts.get(name) ?? [])
  }

  /** Any version that was ever published, compiled once. */
  version(projectId: string, name: string, version: number): Promise<Contract | undefined> {
    const active = this.get(projectId, name)
    if (active?.version === version) return Promise.resolve(active)
    const key = `${projectId}/${name}/${version}`
    const known = this.#versions.get(key)
    if (known) return known
    const loading = loadVersion(this.#db, projectId, name, version)
    this.#versions.set(key, loading)
    loading.then(
      (contract) => contract ?? this.#versions.delete(key),
      () => this.#versions.delete(key),
    )
    const [oldest] = this.#versions.keys()
    if (this.#versions.size > maxVersions && oldest !== undefined) this.#versions.delete(oldest)
    return loading
  }

  /** Loads what is active; rejects when the database cannot be reached. Then follows changes. */
  async start(): Promise<void> {
    await this.refresh()
    this.#following = this.#follow()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#following
  }

  /** Brings this replica up to the catalog as it is now. */
  async refresh(): Promise<void> {
    // One that is under way may have read the catalog before the change that the caller has in mind.
    await this.#refreshing?.catch(() => {})
    this.#refreshing ??= this.#load().finally(() => {
      this.#refreshing = undefined
    })
    await this.#refreshing
  }

  async #load(): Promise<void> {
    const revision = await catalogRevision(this.#db)
    if (revision === this.#revision) return
    const changes = await catalogChanges(this.#db, this.#revision)
    for (const { projectId, name, version } of changes) {
      const contract = version === undefined ? undefined : await this.#loadOne(projectId, name, version)
      const contracts = this.#active.get(projectId) ?? new Map<string, Contract>()
      this.#active.set(projectId, contracts)
      if (contract) contracts.set(name, contract)
      else contracts.delete(name)
    }
    this.#revision = revision
    if (changes.length > 0) this.onChange(changes.map((change) => change.name))
  }

  /** An image that this release cannot read takes down its own contract, not the others. */
  async #loadOne(projectId: string, name: string, version: number): Promise<Contract | undefined> {
    try {
      return await loadVersion(this.#db, projectId, name, version)
    } catch (error) {
      if (isUnavailable(error)) throw error
      this.#log.error({ err: error, contract: name, version }, 'a published contract cannot be served')
      return undefined
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await delay(pollMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      await this.refresh().catch((error: unknown) => this.#log.warn({ err: error }, 'contracts may be out of date'))
    }
  }
}
