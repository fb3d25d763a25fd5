import type { Logger } from 'pino'
import type { WatchOperationsRequest, WatchOperationsResponse } from '../../../gen/deed/v1/operation_service.ts'
import type { LiveContracts } from '../../contracts/live.ts'
import { settledHorizon } from '../../storage/statements/changes.ts'
import type { OperationFilter } from '../../storage/statements/operation-row.ts'
import type { Queryable } from '../../storage/statements/statement.ts'
import { matches } from '../filter/combine.ts'
import { parseFilter } from '../filter/parse.ts'
import { toLongRunning } from '../long-running.ts'
import type { Caller } from '../own-methods.ts'
import { Backlog } from './backlog.ts'
import { Feed } from './feed.ts'
import { type News, replay } from './news.ts'
import { resumeToken, timeInToken } from './token.ts'

type Send = (response: WatchOperationsResponse) => Promise<void>

/** WatchOperations, for all who watch at this replica. */
export class OperationWatch {
  readonly #db: Queryable
  readonly #live: LiveContracts
  readonly #feed: Feed

  constructor(db: Queryable, live: LiveContracts, log: Logger) {
    this.#db = db
    this.#live = live
    this.#feed = new Feed(db, log)
  }

  /** Sends changes until the caller leaves or a drain ends it. */
  async run(
    { filter: text, resumeToken: token }: WatchOperationsRequest,
    { principal: { projectId }, signal }: Caller,
    send: Send,
  ): Promise<void> {
    const filter = parseFilter(text)
    const after = timeInToken(token)
    const matching = matcher(filter)
    const stream = { projectId, send, matching }
    const resumedMs = after === undefined ? undefined : await this.#catchUp(stream, after)

    const backlog = new Backlog(matching, signal)
    const { fromMs, leave } = await this.#feed.follow(projectId, backlog)
    try {
      let upToMs = resumedMs ?? fromMs
      const sent = new Set<string>()
      if (resumedMs !== undefined) {
        // Now that nothing new is missed, the rest; what is heard of twice is sent once.
        for await (const { news } of replay(this.#db, projectId, resumedMs, undefined)) {
          await this.#sendAll(stream, news, resumedMs, resumedMs)
          for (const { key } of news) sent.add(key)
        }
        upToMs = Math.max(upToMs, fromMs)
      }
      // Says that changes from here on are sent, and how to come back.
      await send({ operation: undefined, resumeToken: resumeToken(upToMs) })
      for await (const heard of backlog) {
        const news = heard.news.filter(({ key }) => !sent.has(key))
        const nextMs = Math.max(upToMs, heard.upToMs)
        await this.#sendAll(stream, news, upToMs, nextMs)
        if (news.length === 0) await send({ operation: undefined, resumeToken: resumeToken(nextMs) })
        upToMs = nextMs
      }
    } finally {
      leave()
    }
  }

  /** Sends what has changed since a time, as far as nothing can be added to it, at the reader's pace. Returns up to when. */
  async #catchUp(stream: Stream, afterMs: number): Promise<number> {
    let at = afterMs
    for (;;) {
      const horizonMs = await settledHorizon(this.#db)
      if (horizonMs <= at) return Math.min(at, horizonMs)
      for await (const { news, upToMs = at } of replay(this.#db, stream.projectId, at, horizonMs)) {
        await this.#sendAll(stream, news, at, upToMs)
        at = upToMs
      }
      at = horizonMs
      // A long one has left much behind meanwhile.
      if ((await settledHorizon(this.#db)) - at < 2_000) return at
    }
  }

  /** All but the last say to begin before them: not all of their time was sent. */
  async #sendAll({ projectId, matching, send }: Stream, news: readonly News[], fromMs: number, upToMs: number) {
    const matched = news.filter(matching)
    for (const [index, { row }] of matched.entries()) {
      const operation = await toLongRunning(this.#live, projectId, row)
      const result = operation.result?.$case === 'error' ? operation.result : undefined
      const token = resumeToken(index === matched.length - 1 ? upToMs : fromMs)
      await send({ operation: { ...operation, result }, resumeToken: token })
    }
  }
}

type Stream = { projectId: string; matching: (news: News) => boolean; send: Send }

function matcher(filter: OperationFilter | null): (news: News) => boolean {
  return ({ row }) => filter !== null && matches(filter, row)
}
