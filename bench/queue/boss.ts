import { Pool } from 'pg'
import { type Job, PgBoss } from 'pg-boss'
import { request, response } from '../ticket.ts'
import { apart, multiply } from './multiply.ts'
import { connections, type Subject } from './subject.ts'

const queue = 'triage'
const held = 'held'
const batchSize = 64
/** Batches at once. Of 1, 2 and 4, 2 was the fastest. */
const localConcurrency = 2
const stopMs = 10_000

/**
 * pg-boss in batches. It stores what the handler gives back for each job. `notify`: woken by NOTIFY, for which each commit that
 * adds waits for the one before; else it looks every half second, and at once after a full batch.
 */
export async function openBoss(url: string, options: { stores: boolean; notify: boolean }): Promise<Subject> {
  const { stores, notify } = options
  const pool = new Pool({ connectionString: url, max: 1 })
  pool.on('error', () => undefined)
  const boss = new PgBoss({ connectionString: url, max: connections, useListenNotify: notify, schedule: false })
  boss.on('error', (error: Error) => process.stderr.write(`pg-boss: ${error.message}\n`))
  await boss.start()
  await boss.createQueue(queue, { notify })
  await boss.createQueue(held, { notify })
  const output = { ...response }
  const polling = { pollingIntervalSeconds: 0.5, burstWhenBatchFull: true }
  const work = { batchSize, localConcurrency, ...polling } as const
  return {
    async start(begun) {
      const begin = (jobs: readonly Job<unknown>[]) => Promise.all(jobs.map(() => begun()))
      if (stores) {
        await boss.work(queue, { ...work, perJobResults: true }, async (jobs) => {
          await begin(jobs)
          return jobs.map(({ id }) => ({ id, status: 'completed' as const, output }))
        })
      } else {
        await boss.work(queue, work, async (jobs) => {
          await begin(jobs)
        })
      }
    },
    stop: () => boss.offWork(queue, { wait: true }),
    async add(count) {
      if (count === 1) await boss.send(queue, request)
      else
        await boss.insert(
          queue,
          Array.from({ length: count }, () => ({ data: request })),
        )
    },
    async stored() {
      const text = `select count(*), count(output) as outputs from pgboss.job where name = $1 and state = 'completed'`
      const { count, outputs } = (await pool.query(text, [queue])).rows[0]
      if (stores && outputs !== count) throw new Error(`pg-boss completed ${count} jobs, but stored ${outputs} results`)
      return Number(count)
    },
    async clear() {
      await pool.query('truncate pgboss.job cascade')
    },
    async load(count, kind) {
      await boss.send(kind === 'held' ? held : queue, request)
      await apart(url, async (client) => {
        await multiply(client, 'pgboss.job', { id: 'gen_random_uuid()' }, count)
        await client.query('vacuum analyze pgboss.job')
      })
    },
    async [Symbol.asyncDispose]() {
      await boss.stop({ timeout: stopMs })
      await pool.end()
    },
  }
}
