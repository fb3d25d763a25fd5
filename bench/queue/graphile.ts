import { Logger, makeWorkerUtils, type Runner, run } from 'graphile-worker'
import { Pool } from 'pg'
import { request, response } from '../ticket.ts'
import { apart, multiply } from './multiply.ts'
import { connections, type Subject, type Work } from './subject.ts'

const task = 'triage'
const jobs = 'graphile_worker._private_jobs'
const logger = new Logger(() => () => {})

/** Jobs at once. Of 8, 16, 24 and 64, 24 was the fastest with a local queue, and no slower than the others without. */
const concurrentJobs = 24
/** With its local queue, as its documentation measures it. */
const local = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }

/**
 * graphile-worker, which keeps no results: the task inserts one into a table. With the local queue those of the tasks that run
 * at once share an insert, as an application that is after throughput would have them do.
 */
export async function openGraphile(url: string, options: { local: boolean; stores: boolean }): Promise<Subject> {
  const pool = new Pool({ connectionString: url, max: connections + 1 })
  // It warns when an application has none.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const utils = await makeWorkerUtils({ pgPool: pool, logger })
  await utils.migrate()
  await pool.query('create table job_result (job_id bigint primary key, response jsonb not null)')
  const together = new Inserts(pool)
  const insert = 'insert into job_result (job_id, response) values ($1, $2)'
  let runner: Runner | undefined
  const start = async (work: Work) => {
    runner = await run({
      pgPool: pool,
      logger,
      noHandleSignals: true,
      parsedCronItems: [],
      preset: { worker: { concurrentJobs, ...(options.local ? local : {}) } },
      taskList: {
        [task]: async (_, { job, query }) => {
          await work()
          if (!options.stores) return
          if (options.local) await together.add(job.id)
          else await query(insert, [job.id, JSON.stringify(response)])
        },
      },
    })
  }
  return {
    start,
    async stop() {
      await runner?.stop()
      runner = undefined
    },
    async add(count) {
      if (count === 1) await utils.addJob(task, request)
      else await utils.addJobs(Array.from({ length: count }, () => ({ identifier: task, payload: request })))
    },
    async stored() {
      if (!options.stores) return undefined
      return Number((await pool.query('select count(*) from job_result')).rows[0].count)
    },
    async clear() {
      await pool.query(`truncate ${jobs}, graphile_worker._private_job_queues, job_result`)
    },
    async load(count, kind) {
      await utils.addJob(task, request, kind === 'held' ? { queueName: 'held' } : {})
      await apart(url, async (client) => {
        await multiply(client, jobs, {}, count)
        // As long as another worker is busy with one of that queue.
        await client.query(`update graphile_worker._private_job_queues set locked_at = now(), locked_by = 'another'`)
        await client.query(`vacuum analyze ${jobs}`)
      })
    },
    async [Symbol.asyncDispose]() {
      await runner?.stop()
      await utils.release()
      await pool.end()
    },
  }
}

/** Results that are stored in one statement: those that came while the one before was under way. */
class Inserts {
  readonly #pool: Pool
  #waiting: string[] = []
  #next: Promise<void> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  add(jobId: string): Promise<void> {
    this.#waiting.push(jobId)
    this.#next ??= this.#flush()
    return this.#next
  }

  async #flush(): Promise<void> {
    await this.#last.catch(() => {})
    const ids = this.#waiting.splice(0)
    this.#next = undefined
    const text = 'insert into job_result (job_id, response) select * from unnest($1::bigint[], $2::jsonb[])'
    const values = [ids, ids.map(() => JSON.stringify(response))]
    this.#last = this.#pool.query({ name: 'insert_results', text, values })
    await this.#last
  }
}
