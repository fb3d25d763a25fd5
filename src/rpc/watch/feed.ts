import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Change, changes, settledHorizon } from '../../storage/statements/changes.ts'
import type { Queryable } from '../../storage/statements/statement.ts'
import { storageError } from '../../storage/unavailable.ts'
import { keyOf, type News, newsOf } from './news.ts'

/** Who hears of changes. `upToMs`: all before that time was told. */
export type Follower = { hear: (news: readonly News[], upToMs: number) => void; fail: (error: unknown) => void }

/** What is told to the followers of a project. `told`: changes at or after `fromMs` that were, with their times. */
type Project = { followers: Set<Follower>; fromMs: number; told: Map<string, number> }

const pollMs = 500

/**
 * Finds what changes in the projects that are followed: one poll for all, and none when nobody follows. Each poll reads again what is
 * younger than the horizon, before which nothing can be committed any more, and tells what it has not told yet.
 */
export class Feed {
  readonly #db: Queryable
  readonly #log: Logger
  readonly #projects = new Map<string, Project>()
  #polling = false

  constructor(db: Queryable, log: Logger) {
    this.#db = db
    this.#log = log
  }

  /** From now on, `follower` hears of changes in the project. Returns the time before which it hears of none. */
  async follow(projectId: string, follower: Follower): Promise<{ fromMs: number; leave: () => void }> {
    const known = this.#projects.get(projectId)
    const project = known ?? (await this.#begin(projectId))
    project.followers.add(follower)
    this.#projects.set(projectId, project)
    if (!this.#polling) void this.#poll()
    return {
      fromMs: project.fromMs,
      leave: () => {
        project.followers.delete(follower)
        if (project.followers.size === 0 && this.#projects.get(projectId) === project) this.#projects.delete(projectId)
      },
    }
  }

  /** What is there already is no change. */
  async #begin(projectId: string): Promise<Project> {
    const fromMs = await settledHorizon(this.#db)
    const found = await changes(this.#db, [projectId], { fromMs, beforeMs: undefined, limit: undefined })
    const told = new Map(found.map((change) => [keyOf(change), change.atMs]))
    // Another may have begun it meanwhile.
    return this.#projects.get(projectId) ?? { followers: new Set(), fromMs, told }
  }

  async #poll(): Promise<void> {
    this.#polling = true
    while (this.#projects.size > 0) {
      await delay(pollMs)
      const projects = new Map(this.#projects)
      try {
        if (projects.size > 0) await this.#look(projects)
      } catch (error) {
        this.#log.warn({ err: error }, 'poll for changes failed')
        // They go on at another replica, or here, from the token that they have.
        for (const { followers } of projects.values()) for (const { fail } of [...followers]) fail(storageError(error))
      }
    }
    this.#polling = false
  }

  async #look(projects: ReadonlyMap<string, Project>): Promise<void> {
    // Asked before the changes are: what it says is over must be among them.
    const horizonMs = await settledHorizon(this.#db)
    const fromMs = Math.min(...[...projects.values()].map((project) => project.fromMs))
    const found = await changes(this.#db, [...projects.keys()], { fromMs, beforeMs: undefined, limit: undefined })
    const byProject = Map.groupBy(found, (change) => change.projectId)
    for (const [projectId, project] of projects)
      await this.#tell(projectId, project, byProject.get(projectId) ?? [], horizonMs)
  }

  async #tell(projectId: string, project: Project, found: readonly Change[], horizonMs: number): Promise<void> {
    const untold = found.filter((change) => change.atMs >= project.fromMs && !project.told.has(keyOf(change)))
    const news = untold.length > 0 ? await newsOf(this.#db, projectId, untold) : []
    for (const change of untold) project.told.set(keyOf(change), change.atMs)
    project.fromMs = Math.max(project.fromMs, horizonMs)
    for (const [key, atMs] of project.told) if (atMs < project.fromMs) project.told.delete(key)
    for (const { hear } of [...project.followers]) hear(news, project.fromMs)
  }
}
