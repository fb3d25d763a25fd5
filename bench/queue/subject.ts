/** A queue that is measured, in this process. All of them work on the same ticket, and answer it with the same response. */
export type Subject = {
  /** Takes up what waits. `work` is called when the work on one begins, and waited for when it returns a promise. */
  start(work: Work): Promise<void>
  /** Takes up nothing more. Resolves when what was begun is stored. */
  stop(): Promise<void>
  /** Resolves when so many more are committed. */
  add(count: number): Promise<void>
  /** How many have ended; of a system that keeps no results, undefined. */
  stored(): Promise<number | undefined>
  /** Takes everything out that waits or has ended. */
  clear(): Promise<void>
  /** Has so many more wait, by SQL. Those that are held come before others, but may not be taken up now. */
  load(count: number, kind: 'open' | 'held'): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export type Work = () => Promise<void> | undefined

/** Connections that each may have to PostgreSQL, beside one that listens. */
export const connections = 16
