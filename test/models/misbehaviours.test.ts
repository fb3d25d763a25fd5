import assert from 'node:assert/strict'
import type { Provider } from '../../src/models/provider.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { createOpenAi } from '../../src/models/providers/openai.ts'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { FakeOpenAI } from '../support/fake-openai.ts'
import type { FakeScript } from '../support/fake-vendor.ts'
import { firstly } from '../support/misbehaviour.ts'
import { startDeed } from '../support/server.ts'
import {
  answerTo,
  type Case,
  judge,
  type Played,
  play,
  type Request,
  readLedger,
  settingsOf,
  sourceOf,
  usage,
  type Vendor,
} from './misbehaviour-case.ts'
import { rowsOf, shapes, type When } from './misbehaviour-rows.ts'

type Respond = (request: Request) => FakeScript

const vendors: readonly {
  name: string
  /** What it has told of the usage of a completion that has only begun. */
  begun: Case['begun']
  start: (respond: Respond) => Promise<{ vendor: Vendor; provider: Provider }>
}[] = [
  {
    name: 'anthropic',
    begun: usage(100, 1),
    async start(respond) {
      const vendor = await new FakeAnthropic({ respond }).start()
      return { vendor, provider: createAnthropic({ apiKey: 'key', baseUrl: vendor.url }) }
    },
  },
  {
    name: 'openai',
    begun: usage(0, 0),
    async start(respond) {
      const vendor = await new FakeOpenAI({ respond }).start()
      return { vendor, provider: createOpenAi({ apiKey: 'key', baseUrl: vendor.url }) }
    },
  },
]

const times: Record<When, number> = { once: 1, twice: 2, always: Infinity, 'always, with a spare': Infinity }

/** Calls under way. */
const atOnce = 64

describe('misbehaviours of models', () => {
  const faults = new Map<string, string[]>()

  before(async function () {
    this.timeout(120_000)
    await using stack = new AsyncDisposableStack()
    const cases: Case[] = []
    const providers = new Map<string, Provider>()
    for (const { name, begun, start } of vendors) {
      const scripts = new Map<string, Respond>()
      const { vendor, provider } = await start((request) => scripts.get(request.body.model)?.(request) ?? {})
      stack.use(vendor)
      providers.set(name, provider)
      for (const shape of shapes) {
        const well = (request: Request) => ({ json: answerTo(shape, request) })
        for (const row of rowsOf(shape)) {
          const model = `row-${cases.length}`
          scripts.set(model, firstly(times[row.when], row.misbehaviour, well)).set(`${model}-spare`, well)
          cases.push({ row, shape, name, vendor, begun, model, method: `Row${cases.length}` })
        }
      }
    }
    const deed = stack.use(await startDeed(providers, { models: settingsOf(cases) }))
    const contract = await deed.publish({ 'test/rows/v1/rows.proto': sourceOf(cases) })
    // Those that hang are stopped by the clock: the rest must not slow them down.
    const played = new Map<Case, Played>()
    for (const hanging of [false, true]) {
      const some = cases.filter(({ row }) => row.misbehaviour.startsWith('hang') === hanging).values()
      const next = async () => {
        for (const each of some) played.set(each, await play(deed, contract, each))
      }
      await Promise.all(Array.from({ length: atOnce }, next))
    }
    const ledger = await readLedger(deed)
    for (const [each, how] of played) {
      const { line, faults: found } = judge(each, how, ledger)
      const [name, shape] = [each.name, each.shape]
      console.log(`    ${name.padEnd(9)}  ${shape.padEnd(6)}  ${line}`)
      faults.set(`${name} ${shape}`, [...(faults.get(`${name} ${shape}`) ?? []), ...found])
    }
  })

  for (const { name } of vendors) {
    for (const shape of shapes) {
      it(`of ${name} end a ${shape} call as they should, and every completion is in the ledger`, () => {
        assert.deepEqual(faults.get(`${name} ${shape}`), [])
      })
    }
  }
})
