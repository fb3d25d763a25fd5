import { dayOf } from '../operations/ids.ts'
import type { OperationRow } from '../storage/statements/operation-row.ts'
import { findOperations } from '../storage/statements/operations.ts'
import type { Queryable } from '../storage/statements/statement.ts'

type Asking = { resolve: (row: OperationRow | undefined) => void; reject: (error: unknown) => void }

/** Bounds what one statement brings back: responses may be megabytes. */
const maxRead = 500

/**
 * Reads operations with their results. Who asks while a statement is on its way shares the next one of the project, so that
 * thousands of callers that are told at once cost a few.
 */
export class OperationReader {
  readonly #db: Queryable
  /** By project, the ids that are asked for and by whom. */
  readonly #asked = new Map<string, Map<string, Asking[]>>()
  #reading = false

  constructor(db: Queryable) {
    this.#db = db
  }

  /** The operation, or undefined when the project has none with this id. */
  read(projectId: string, id: string): Promise<OperationRow | undefined> {
    return new Promise((resolve, reject) => {
      const ofProject = this.#asked.get(projectId) ?? new Map<string, Asking[]>()
      this.#asked.set(projectId, ofProject)
      const asking = ofProject.get(id)
      if (asking) asking.push({ resolve, reject })
      else ofProject.set(id, [{ resolve, reject }])
      if (this.#reading) return
      this.#reading = true
      setImmediate(() => void this.#readAll())
    })
  }

  async #readAll(): Promise<void> {
    for (const [projectId, asked] of this.#asked) {
      const some = [...asked].slice(0, maxRead)
      for (const [id] of some) asked.delete(id)
      // Last in turn, or one project's callers could keep all others waiting.
      this.#asked.delete(projectId)
      if (asked.size > 0) this.#asked.set(projectId, asked)
      await this.#readSome(projectId, some)
    }
    this.#reading = false
  }

  async #readSome(projectId: string, asked: readonly (readonly [string, Asking[]])[]): Promise<void> {
    try {
      const named = asked.map(([id]) => ({ id, day: dayOf(id) }))
      const rows = await findOperations(this.#db, projectId, named, 'result')
      const found = new Map(rows.map((row) => [row.id, row]))
      for (const [id, asking] of asked) for (const { resolve } of asking) resolve(found.get(id))
    } catch (error) {
      for (const [, asking] of asked) for (const { reject } of asking) reject(error)
    }
  }
}
