import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import type { ModelSettings } from '../../../src/config/model-settings.ts'
import type { Method } from '../../../src/contracts/method.ts'
import { answer } from '../../../src/models/answer.ts'
import { NO_USAGE, type Provider } from '../../../src/models/provider.ts'
import { Limiter } from '../../../src/models/routing/limiter.ts'
import { Models } from '../../../src/models/routing/models.ts'
import type { ModelLimits } from '../../../src/storage/statements/model-limits.ts'
import { register, removeReplica } from '../../../src/storage/statements/replica.ts'
import type { Queryable } from '../../../src/storage/statements/statement.ts'
import { methodOf, requestOf } from '../../support/methods.ts'
import { deedDatabase, echoSource, silent } from '../../support/operations.ts'

const unlimited: ModelLimits = { requestsPerMinute: null, tokensPerMinute: null, concurrency: null }

describe('the limits of a model', () => {
  let store: Awaited<ReturnType<typeof deedDatabase>>
  let method: Method
  before(async () => {
    store = await deedDatabase()
    method = await methodOf(echoSource)
  })
  after(() => store[Symbol.asyncDispose]())

  /** A replica's limiter, over a pool that all share. */
  async function replica(db: Queryable = store.db.pool) {
    const id = randomUUID()
    await register(store.db.pool, id, 60_000)
    return { id, limiter: new Limiter(db, silent, () => id) }
  }

  const bounded = (limits: Partial<ModelLimits>) => ({
    model: `test/${randomUUID()}`,
    limits: { ...unlimited, ...limits },
    completionMs: 10_000,
  })

  const places = (results: readonly { kind: string }[]) => results.filter(({ kind }) => kind === 'place').length

  /** Waits for what nobody waits for: the return of a place. */
  async function returned(model: string, slots: number) {
    for (;;) {
      const { rows } = await store.db.pool.query<{ n: number }>(
        'select count(*)::int as n from model_slot where model = $1',
        [model],
      )
      if (rows[0]?.n === slots) return
    }
  }

  it('of requests a minute is not exceeded by two replicas that ask at once', async () => {
    const [one, two] = [await replica(), await replica()]
    const limited = bounded({ requestsPerMinute: 7 })
    const asked = Array.from({ length: 40 }, (_, n) => (n % 2 ? one : two).limiter.take(limited, 1))
    const taken = await Promise.all(asked)
    assert.equal(places(taken), 7)
    const over = taken.find((result) => result.kind === 'reached')
    assert.ok(over?.kind === 'reached' && over.limit === 'requests_per_minute')
    assert.ok(over.waitMs > 50_000 && over.waitMs <= 61_000, String(over.waitMs))
    // The minute that has passed does not count.
    await store.db.pool.query('update model_second set second = second - 61 where model = $1', [limited.model])
    assert.equal((await (await replica()).limiter.take(limited, 1)).kind, 'place')
    const { rows } = await store.db.pool.query('select * from model_second where model = $1', [limited.model])
    assert.equal(rows.length, 1)
  })

  it('of requests a minute holds in every span of 60 seconds', async () => {
    const { limiter } = await replica()
    const limited = bounded({ requestsPerMinute: 1 })
    await limiter.take(limited, 1)
    await store.db.pool.query('update model_second set second = second - 59 where model = $1', [limited.model])
    const result = await limiter.take(limited, 1)
    assert.ok(result.kind === 'reached' && result.waitMs <= 2_000)
  })

  it('of concurrency is not exceeded by two replicas, and frees what is given back', async () => {
    const [one, two] = [await replica(), await replica()]
    const limited = bounded({ concurrency: 3 })
    const taken = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? one : two).limiter.take(limited, 1)))
    assert.equal(places(taken), 3)
    for (const result of taken) if (result.kind === 'place') result.end(1)
    await returned(limited.model, 0)
    const { limiter } = await replica()
    assert.equal(places(await Promise.all(Array.from({ length: 5 }, () => limiter.take(limited, 1)))), 3)
  })

  it('of concurrency frees what a replica held whose life is over', async () => {
    const [dead, gone, one] = [await replica(), await replica(), await replica()]
    const limited = bounded({ concurrency: 2 })
    await dead.limiter.take(limited, 1)
    await gone.limiter.take(limited, 1)
    assert.equal((await (await replica()).limiter.take(limited, 1)).kind, 'reached')
    await store.db.pool.query('update replica set expires_at = now() where id = $1', [dead.id])
    await removeReplica(store.db.pool, gone.id)
    const taken = [1, 2, 3].map(() => one.limiter.take(limited, 1))
    assert.equal(places(await Promise.all(taken)), 2)
  })

  it('are looked at once for all that wait', async () => {
    let asked = 0
    const counted: Queryable = {
      query: (config) => {
        if (config.name === 'take_model') asked++
        return store.db.pool.query(config)
      },
    }
    const { limiter } = await replica(counted)
    const limited = bounded({ concurrency: 1 })
    const held = await limiter.take(limited, 1)
    const ask = () => Promise.all(Array.from({ length: 1_000 }, () => limiter.take(limited, 1)))
    assert.equal(places(await ask()), 0)
    assert.ok(asked <= 10, String(asked))
    // What ends here is known at once.
    if (held.kind === 'place') held.end(1)
    let got = 0
    while (got === 0) got = places(await ask())
    assert.equal(got, 1)
    assert.ok(asked <= 20, String(asked))
  })

  it('of tokens a minute counts the most that a completion may use, then what it used', async () => {
    const { limiter } = await replica()
    const limited = bounded({ tokensPerMinute: 1_000 })
    const used = async () => {
      const { rows } = await store.db.pool.query<{ n: number }>(
        'select coalesce(sum(tokens), 0)::int as n from model_second where model = $1',
        [limited.model],
      )
      return rows[0]?.n
    }
    const first = await limiter.take(limited, 600)
    const over = await limiter.take(limited, 600)
    assert.ok(over.kind === 'reached' && over.limit === 'tokens_per_minute' && over.waitMs > 50_000)
    assert.equal(await used(), 600)
    if (first.kind === 'place') first.end(100)
    while ((await used()) !== 100);
    const other = (await replica()).limiter
    const second = await other.take(limited, 900)
    assert.equal(second.kind, 'place')
    // Nobody knows what was used: it stays as it was taken.
    if (second.kind === 'place') second.end(undefined)
    assert.equal((await other.take(limited, 1)).kind, 'reached')
    assert.equal(await used(), 1_000)
  })

  it('of tokens lets through alone what is more than the limit', async () => {
    const { limiter } = await replica()
    const limited = bounded({ tokensPerMinute: 1_000 })
    const result = await limiter.take(limited, 50_000)
    assert.equal(result.kind, 'place')
    assert.equal((await limiter.take(limited, 1)).kind, 'reached')
  })

  it('are reached when the database cannot be asked', async () => {
    const broken: Queryable = {
      query: () => Promise.reject(Object.assign(new Error('down'), { code: 'ECONNREFUSED' })),
    }
    const { limiter } = await replica(broken)
    const result = await limiter.take(bounded({ concurrency: 1 }), 1)
    assert.ok(result.kind === 'reached' && result.limit === 'storage')
  })

  describe('in an answer', () => {
    /** Models of a provider that is done when it is let go. */
    function modelsOf(limiter: Limiter, settings: Record<string, ModelSettings>) {
      const asked: string[] = []
      const provider: Provider = async function* ({ model }) {
        asked.push(model)
        yield { kind: 'text', text: '{"text":"x"}' }
        yield { kind: 'end', stop: 'complete', usage: NO_USAGE, providerRequestId: '' }
      }
      const models = new Models({
        providers: new Map([['test', provider]]),
        settings: new Map(Object.entries(settings)),
        limiter,
      })
      return { models, asked }
    }

    function ask(models: Models, names: string[], signal = new AbortController().signal) {
      const named: Method = { ...method, policy: { ...method.policy, models: names } }
      return answer(named, requestOf(method, { text: 'x' }), { models, defaultModel: '' }, ROOT_CONTEXT, signal)
    }

    it('pass a model over for the next, without a word to its vendor or in the ledger', async () => {
      const { limiter } = await replica()
      const [one, two] = [`test/${randomUUID()}`, `test/${randomUUID()}`]
      const limits = { ...unlimited, requestsPerMinute: 1 }
      const { models, asked } = modelsOf(limiter, { [one]: { limits } })
      const answers = [await ask(models, [one, two]), await ask(models, [one, two])]
      assert.deepEqual(
        answers.map(({ completions }) => completions.map(({ model }) => model)),
        [[one], [two]],
      )
      assert.equal(asked.length, 2)
    })

    it('end in MODELS_EXHAUSTED with the wait, when there is no other model', async () => {
      const { limiter } = await replica()
      const one = `test/${randomUUID()}`
      const { models } = modelsOf(limiter, { [one]: { limits: { ...unlimited, requestsPerMinute: 1 } } })
      await ask(models, [one])
      const result = await ask(models, [one])
      assert.ok(result.kind === 'failure')
      assert.equal(result.error.reason, 'MODELS_EXHAUSTED')
      assert.equal(result.error.message, `every model failed: ${one}: its limit requests_per_minute is reached`)
      assert.ok(result.retryable && result.retryAfterMs > 50_000)
      assert.deepEqual(result.completions, [])
    })

    it('have the last model wait a little for a place', async () => {
      const { limiter } = await replica()
      const one = `test/${randomUUID()}`
      const limits = { ...unlimited, concurrency: 1 }
      const { models } = modelsOf(limiter, { [one]: { limits } })
      const held = await limiter.take({ model: one, limits, completionMs: 10_000 }, 1)
      const waiting = ask(models, [one])
      if (held.kind === 'place') held.end(1)
      assert.equal((await waiting).kind, 'response')
    })

    it('have it wait for tokens that are given back, long before their minute is over', async () => {
      const { limiter } = await replica()
      const one = `test/${randomUUID()}`
      const limits = { ...unlimited, tokensPerMinute: 10_000 }
      const { models } = modelsOf(limiter, { [one]: { limits } })
      const held = await limiter.take({ model: one, limits, completionMs: 10_000 }, 10_000)
      const waiting = ask(models, [one])
      if (held.kind === 'place') held.end(100)
      assert.equal((await waiting).kind, 'response')
    })

    it('end the wait when the attempt does, and nobody was asked', async () => {
      const { limiter } = await replica()
      const one = `test/${randomUUID()}`
      const limits = { ...unlimited, concurrency: 1 }
      const { models, asked } = modelsOf(limiter, { [one]: { limits } })
      await limiter.take({ model: one, limits, completionMs: 10_000 }, 1)
      const result = await ask(models, [one], AbortSignal.timeout(50))
      assert.deepEqual(result, { kind: 'aborted', completions: [] })
      assert.deepEqual(asked, [])
    })

    it('have back all tokens of an attempt that ended before anyone was asked', async () => {
      const controller = new AbortController()
      const ending: Queryable = {
        query: async (config) => {
          const result = await store.db.pool.query(config)
          controller.abort()
          return result
        },
      }
      const { limiter } = await replica(ending)
      const one = `test/${randomUUID()}`
      const { models, asked } = modelsOf(limiter, { [one]: { limits: { ...unlimited, tokensPerMinute: 100_000 } } })
      assert.equal((await ask(models, [one], controller.signal)).kind, 'aborted')
      assert.deepEqual(asked, [])
      const text = 'select tokens::int from model_second where model = $1'
      const used = async () => (await store.db.pool.query<{ tokens: number }>(text, [one])).rows[0]?.tokens
      while ((await used()) !== 0);
    })

    it('cost a model without limits no statement', async () => {
      const none: Queryable = { query: () => assert.fail('asked the database') }
      const { limiter } = await replica(none)
      const { models } = modelsOf(limiter, {})
      assert.equal((await ask(models, [`test/${randomUUID()}`])).kind, 'response')
    })
  })
})
