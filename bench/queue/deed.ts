import { randomUUID } from 'node:crypto'
import { fromBinary } from '@bufbuild/protobuf'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { readImage } from '../../src/contracts/image.ts'
import { loadContracts, type Method } from '../../src/contracts/method.ts'
import type { Provider } from '../../src/models/provider.ts'
import { Models } from '../../src/models/routing/models.ts'
import { Operations } from '../../src/operations/operations.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { Listener } from '../../src/storage/listener.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { answerText, buildTicket } from '../ticket.ts'
import { apart } from './multiply.ts'
import { connections, type Subject, type Work } from './subject.ts'

const startMs = 30_000
const drainMs = 10_000
const usage = { inputTokens: 120, outputTokens: 60, cacheReadTokens: 0, cacheWriteTokens: 0 }

/**
 * Deed's operations as its server calls them, without the server: the peers are libraries too. `queued`: the project has a
 * limit on what runs, so that every operation passes through the queue; else those that can begin here at once need not.
 */
export async function openDeed(url: string, { queued }: { queued: boolean }): Promise<Subject> {
  const ticket = await buildTicket(AbortSignal.timeout(startMs))
  const method = methodOf(ticket.image)
  const log = createLog('warn')
  await migrate(url)
  const database = await openDatabase(url, { connections })
  const { pool } = database
  const project = async (name: string, limit: number | null) => {
    const id = randomUUID()
    await pool.query('insert into project (id, name) values ($1, $2)', [id, name])
    await pool.query('insert into lane (project_id, max_running) values ($1, $2)', [id, limit])
    return id
  }
  const projectId = await project('bench', queued ? 1_000_000 : null)
  // It has reached its limit.
  const heldId = await project('held', 0)
  const signal = new AbortController().signal
  let operations: Operations | undefined
  const stop = async () => {
    await operations?.drain(drainMs)
    operations = undefined
  }
  const add = async () => {
    if (!operations) throw new Error('Deed is not started')
    const message = fromBinary(method.input, ticket.request)
    const request = { request: ticket.request, key: undefined, apiKeyId: undefined }
    const call = { projectId, method, message, ...request, context: ROOT_CONTEXT, signal }
    await operations.submit(call)
  }
  return {
    async start(work) {
      operations = new Operations({
        db: pool,
        log,
        listener: new Listener(url, pool, log),
        answers: {
          models: new Models({ providers: new Map([['bench', modelOf(work)]]) }),
          defaultModel: 'bench/triage',
        },
        methodOf: async () => method,
        read: ({ input }, bytes) => fromBinary(input, bytes),
        retentionDays: 30,
      })
      await operations.start()
    },
    stop,
    async add(count) {
      if (count === 1) await add()
      else await Promise.all(Array.from({ length: count }, add))
    },
    async stored() {
      const { rows } = await pool.query('select count(*) from result where code = 0')
      return Number(rows[0].count)
    },
    async clear() {
      await pool.query('truncate operation, result, completion, item, idempotency, ready, timer, lease')
      await pool.query('update lane set vtime = default, floor_due = default, swept_at = default')
    },
    async load(count, kind) {
      const { contract, version, name, policy } = method
      // As if they had come 5,000 a second: no two calls are due at the same time, in a batch at most.
      const text = `with waiting as (
          select uuidv7() as id, (now() at time zone 'UTC')::date as day, now() - ($1 - n) * interval '200 us' as due
          from generate_series(1, $1::int) n),
        accepted as (insert into operation (project_id, id, day, contract, version, method, request)
          select $2, id, day, $3, $4, $5, $6 from waiting)
        insert into ready (project_id, operation_id, day, priority, due, give_up_at, attempt, max_failures, detached,
            attempt_timeout, expires_at)
          select $2, id, day, $7, due, now() + interval '1 day', 0, $8, true, interval '2 min', now() + interval '1 day' from waiting`
      const of = [kind === 'held' ? heldId : projectId, contract, version, name, ticket.request]
      const values = [count, ...of, policy.priority, policy.maxFailures]
      await apart(url, async (client) => {
        await client.query(text, values)
        await client.query('vacuum analyze operation, ready')
      })
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await database[Symbol.asyncDispose]()
    },
  }
}

function methodOf(image: Buffer): Method {
  const method = loadContracts(readImage(image), () => 1)[0]
    ?.methods.values()
    .next().value
  if (!method) throw new Error('the contract has no method')
  return method
}

/** Answers at once. */
function modelOf(work: Work): Provider {
  return async function* () {
    const held = work()
    if (held) await held
    yield { kind: 'text', text: answerText }
    yield { kind: 'end', stop: 'complete', usage, providerRequestId: '' }
  }
}
