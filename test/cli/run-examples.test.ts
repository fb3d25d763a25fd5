import assert from 'node:assert/strict'
import { create, toBinary } from '@bufbuild/protobuf'
import { runAll } from '../../src/cli/contract-test/run.ts'
import { Models } from '../../src/models/routing/models.ts'
import { methodOf } from '../support/methods.ts'
import { echoSource } from '../support/operations.ts'
import { scripted } from '../support/scripted.ts'

describe('a run of examples', () => {
  it('ends when it is told to, also with a model that never waits for anything', async () => {
    const method = await methodOf(echoSource)
    const request = toBinary(method.input, create(method.input))
    const example = {
      ...{ name: 'one', file: 'one.yaml', line: 1, method, request },
      ...{ check: () => {}, expressions: [], error: undefined },
    }
    const models = new Models({ providers: scripted(() => '{"text":"done"}').providers })
    const tasks = Array.from({ length: 5_000 }, () => ({ example, method, model: 'test/one' }))
    const controller = new AbortController()
    setImmediate(() => controller.abort(new Error('told to')))
    let done = 0
    const run = runAll(tasks, {
      ...{ concurrency: 1, signal: controller.signal, options: { models, defaultModel: 'test/one' } },
      done: () => {
        done++
      },
    })
    await assert.rejects(run, /told to/)
    assert(done < tasks.length, `${done} were answered`)
  })
})
