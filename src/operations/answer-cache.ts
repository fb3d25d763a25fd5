import type { Logger } from 'pino'
import { fingerprint } from '../contracts/fingerprint.ts'
import { type CachedAnswer, type CacheKey, cacheAnswer, cachedAnswer } from '../storage/statements/cached-answers.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import type { Attempt } from './attempt.ts'

/**
 * Gives answers again to equal requests of one version in one project, for methods with a `cache_ttl`; no other pays for it. What goes
 * wrong here costs a completion and nothing else. Two equal calls at once may both ask the model: neither waits for the other.
 */
export class AnswerCache {
  readonly #db: Queryable
  readonly #log: Logger

  constructor(db: Queryable, log: Logger) {
    this.#db = db
    this.#log = log
  }

  /** The answer to give again; undefined when a model is to be asked. */
  async find(attempt: Attempt): Promise<CachedAnswer | undefined> {
    if (attempt.method.policy.cacheTtlMs === undefined) return undefined
    try {
      return await cachedAnswer(this.#db, keyOf(attempt), attempt)
    } catch (error) {
      this.#log.warn({ err: error, operation: attempt.operationId }, 'the cache was not looked into')
      return undefined
    }
  }

  /** The attempt's answer is stored: later calls get it too. */
  async keep(attempt: Attempt): Promise<void> {
    const { cacheTtlMs } = attempt.method.policy
    if (cacheTtlMs === undefined) return
    try {
      await cacheAnswer(this.#db, keyOf(attempt), attempt, cacheTtlMs)
    } catch (error) {
      this.#log.warn({ err: error, operation: attempt.operationId }, 'an answer was not cached')
    }
  }
}

function keyOf({ projectId, method, message }: Attempt): CacheKey {
  const { contract, name, version, input } = method
  return { projectId, method: `${contract}/${name}`, version, fingerprint: fingerprint(input, message) }
}
