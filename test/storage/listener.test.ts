import assert from 'node:assert/strict'
import type { Logger } from 'pino'
import { Listener, notify } from '../../src/storage/listener.ts'
import type { Queryable } from '../../src/storage/statements/statement.ts'
import { deedDatabase, silent } from '../support/operations.ts'
import { within } from '../support/server.ts'

describe('the connection that listens', () => {
  it('hears what others tell, and again after it was lost', async () => {
    await using store = await deedDatabase()
    const { pool } = store.db
    const heard: string[] = []
    let listens = 0
    const listener = new Listener(store.url, pool, silent)
    listener.onNotice = (payload) => heard.push(payload)
    listener.onListen = () => listens++
    listener.start()
    try {
      await within(10_000, async () => assert(listener.listening))
      await notify(pool, 'one')
      await within(5_000, async () => assert.deepEqual(heard, ['one']))
      await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'deed listen'`)
      await within(10_000, async () => assert.equal(listens, 2))
      await notify(pool, 'two')
      await within(5_000, async () => assert.deepEqual(heard, ['one', 'two']))
    } finally {
      await listener.stop()
    }
  })

  it('says so when nothing arrives, as behind a pooler in transaction mode', async () => {
    await using store = await deedDatabase()
    const warnings: string[] = []
    // What such a pooler does to a notification.
    const swallowing: Queryable = {
      query: (config) => (config.name === 'notify' ? Promise.resolve({ rows: [] }) : store.db.pool.query(config)),
    }
    const log = Object.assign(Object.create(silent), {
      warn: (...args: unknown[]) => warnings.push(String(args.at(-1))),
    })
    const listener = new Listener(store.url, swallowing, log as Logger)
    listener.start()
    try {
      await within(10_000, async () => assert.equal(warnings.length, 1))
      assert.match(warnings[0] ?? '', /polls.*pooler/)
      assert.equal(listener.listening, false)
    } finally {
      await listener.stop()
    }
  })
})
