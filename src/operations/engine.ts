import type { Logger } from 'pino'
import type { AnswerOptions } from '../models/answer.ts'
import type { Listener } from '../storage/listener.ts'
import { lostLeases } from '../storage/statements/lost-leases.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { Acceptor } from './acceptor.ts'
import type { Attempt } from './attempt.ts'
import { Commits } from './commits.ts'
import { Notices } from './notices.ts'
import { Replica } from './replica.ts'
import { Runner } from './runner.ts'
import { Streams } from './streams.ts'
import { Upkeep } from './upkeep.ts'
import { Waiters } from './waiters.ts'
import { type MethodSource, type RequestReader, Worker } from './worker.ts'

/** What operations are made with. */
export type OperationsParts = {
  db: Queryable
  log: Logger
  listener: Listener
  answers: AnswerOptions
  methodOf: MethodSource
  read: RequestReader
  /** Days that ended longer ago are forgotten. */
  retentionDays: number
}

/** Whether somebody may wait at another replica for what an attempt here comes to. */
const isAwaitedElsewhere = ({ detached, origin }: Attempt) => detached || origin !== undefined

/** All on this replica that has to do with operations, and who of it hears of what. */
export class Engine {
  readonly replica: Replica
  readonly acceptor: Acceptor
  readonly runner: Runner
  readonly waiters: Waiters
  readonly streams: Streams
  readonly worker: Worker
  readonly upkeep: Upkeep
  readonly notices: Notices
  readonly #db: Queryable
  readonly #log: Logger
  readonly #listener: Listener

  constructor({ db, log, listener, answers, methodOf, read, retentionDays }: OperationsParts) {
    this.#db = db
    this.#log = log
    this.#listener = listener
    const listening = () => listener.listening
    this.replica = new Replica(db, log)
    const commits = new Commits(db, this.replica)
    this.acceptor = new Acceptor(db, commits)
    this.runner = new Runner(db, log, answers, commits)
    this.waiters = new Waiters(db, log, (operationId) => this.runner.has(operationId), listening)
    this.runner.waiters = this.waiters
    this.notices = new Notices(db, listener, log, () => this.replica.alone)
    this.streams = new Streams({
      db,
      log,
      waiters: this.waiters,
      listening,
      onStored: (attempt) => isAwaitedElsewhere(attempt) && this.notices.stored(attempt.operationId),
    })
    this.runner.streams = this.streams
    this.worker = new Worker({ db, log, replica: this.replica, runner: this.runner, methodOf, read, listening })
    this.upkeep = new Upkeep(db, log, retentionDays)
    this.#connect()
  }

  /** Who hears of what. */
  #connect(): void {
    this.replica.onBeat = () => {
      const late = (what: string) => (error: unknown) =>
        this.#log.warn({ err: error }, `${what} stay for the next heartbeat`)
      this.acceptor.resolveDoubts().catch(late('doubts'))
      this.#stopTaken().catch(late('attempts whose lease is gone'))
    }
    this.replica.onLost = (identity) => this.runner.stopAll('lost', identity)
    this.runner.onSettled = (attempt) => {
      if (isAwaitedElsewhere(attempt)) this.notices.settled(attempt.operationId)
    }
    this.upkeep.onReady = (projectIds) => this.due(projectIds)
    this.notices.onReady = (projectIds) => this.worker.wake(projectIds)
    this.notices.onSettled = (operationIds) => {
      for (const id of operationIds) this.runner.stop(id, 'taken')
      this.waiters.look(operationIds)
    }
    this.notices.onStored = (operationIds) => this.streams.look(operationIds)
    this.notices.onGap = () => this.worker.poll()
  }

  async start(): Promise<void> {
    this.#listener.start()
    await this.replica.start()
    this.worker.start()
    this.upkeep.start()
  }

  /** Projects got due work: this replica takes it up, or another. */
  due(projectIds: readonly string[]): void {
    this.worker.wake(projectIds)
    for (const projectId of projectIds) this.notices.ready(projectId)
  }

  /** Stops attempts whose lease is gone: cancelled, or taken by another replica, and the notification was lost. */
  async #stopTaken(): Promise<void> {
    const { identity } = this.replica
    const attempts = this.runner.under(identity)
    if (attempts.length === 0) return
    for (const id of await lostLeases(this.#db, attempts, identity.id)) this.runner.stop(id, 'taken')
  }

  /** The worker and the upkeep have been stopped before. */
  async stop(): Promise<void> {
    await this.notices.stop()
    await this.#listener.stop()
    await this.replica.stop()
  }
}
