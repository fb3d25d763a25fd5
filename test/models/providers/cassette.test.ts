import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { readServerConfig } from '../../../src/config.ts'
import type { Method } from '../../../src/contracts/method.ts'
import { type Answer, answer } from '../../../src/models/answer.ts'
import { openProviders } from '../../../src/models/open-providers.ts'
import { type CompletionEvent, ModelError, type Provider } from '../../../src/models/provider.ts'
import { openRecorder, openReplay } from '../../../src/models/providers/cassette.ts'
import { Models } from '../../../src/models/routing/models.ts'
import { responseSchema } from '../../../src/models/schema.ts'
import { startServer } from '../../../src/server.ts'
import { dataFolder } from '../../support/data-folder.ts'
import { FakeAnthropic, type Script } from '../../support/fake-anthropic.ts'
import { methodOf, requestOf } from '../../support/methods.ts'
import { silent } from '../../support/operations.ts'

const SOURCE = `
syntax = "proto3";
package test.v1;
import "deed/v1/annotations.proto";
service S {
  rpc M(Req) returns (Res) {
    option (deed.v1.method) = { models: "anthropic/claude-sonnet-5-5", models: "anthropic/claude-haiku-5-5" };
  }
}
message Req { string text = 1; }
message Res { string word = 1; }
`
const apiKey = 'sk-cassette-secret'

describe('a cassette', () => {
  let method: Method
  let folder: Awaited<ReturnType<typeof dataFolder>>
  let files = 0
  const newFile = () => join(folder.path, `${++files}.jsonl`)

  before(async () => {
    method = await methodOf(SOURCE)
    folder = await dataFolder()
  })
  after(() => folder[Symbol.asyncDispose]())

  /** What the texts are answered with, one after the other: by a fake vendor that is then gone, or from the file. */
  async function answers(
    mode: 'record' | 'replay',
    file: string,
    texts: readonly string[],
    script: (n: number) => Script,
  ) {
    await using vendor = await new FakeAnthropic({ respond: ({ n }) => script(n) }).start()
    const providers = new Map([['anthropic', { kind: 'anthropic' as const, apiKey, baseUrl: vendor.url }]])
    await using opened = await openProviders({ providers, cassette: { mode, file } })
    const options = { models: new Models({ providers: opened.providers }), defaultModel: 'local/keywords' }
    const ended: Answer[] = []
    for (const text of texts) {
      const request = requestOf(method, { text })
      ended.push(await answer(method, request, options, ROOT_CONTEXT, AbortSignal.timeout(5_000)))
    }
    return { ended: ended.map(comparable), asked: vendor.requests.length }
  }

  it('replays what was recorded, failures and repairs included, with no vendor there', async () => {
    const file = newFile()
    const script = (n: number): Script =>
      [
        { status: 529 },
        { json: { word: 'one' } },
        { json: { wrong: 1 } },
        { json: { word: 'two' } },
        { stopReason: 'refusal' },
      ][n - 1] ?? {}
    const texts = ['a', 'b', 'c']
    const recorded = await answers('record', file, texts, script)
    assert.deepEqual(
      recorded.ended.map(({ kind, outcomes }) => [kind, ...outcomes]),
      [
        ['response', 'FAILED', 'VALID'],
        ['response', 'INVALID', 'VALID'],
        ['failure', 'REFUSED'],
      ],
    )
    assert.deepEqual(await answers('replay', file, texts, script), { ended: recorded.ended, asked: 0 })
  })

  it('holds the answers and no secret, for its owner alone', async () => {
    const file = newFile()
    await answers('record', file, ['what the customer wrote'], () => ({ json: { word: 'answered' } }))
    const text = await readFile(file, 'utf8')
    assert.match(text, /"text":\[.*nswered/)
    assert.ok(!text.includes(apiKey) && !text.includes('customer'))
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })

  it('fails at a request that it does not have: names it, asks no other model and tries no more', async () => {
    const file = newFile()
    await answers('record', file, ['a'], () => ({ json: { word: 'one' } }))
    const { ended, asked } = await answers('replay', file, ['secret text'], () => ({}))
    assert.equal(asked, 0)
    const [{ kind, reason, message, retryable, outcomes } = assert.fail()] = ended
    assert.deepEqual([kind, reason, retryable, outcomes], ['failure', 'CASSETTE_MISS', false, ['FAILED']])
    assert.match(message ?? '', /\/\d+\.jsonl has no answer to request [0-9a-f]{64} of test\.v1\.S\/M$/)
    assert.ok(!message?.includes('secret'))
  })

  it('answers a request that was recorded several times in that order, then with the last', async () => {
    const file = newFile()
    await answers('record', file, ['a', 'a'], (n) => ({ json: { word: `${n}` } }))
    const { ended } = await answers('replay', file, ['a', 'a', 'a'], () => ({}))
    assert.deepEqual(
      ended.map(({ bytes }) => bytes),
      ['1', '2', '2'].map((word) => Buffer.from(`\n\u0001${word}`).toString('hex')),
    )
  })

  it('keeps the parts in which an answer came, and how it failed', async () => {
    const file = newFile()
    const provider: Provider = async function* () {
      yield { kind: 'text', text: '{"wo' }
      yield { kind: 'text', text: 'rd' }
      const usage = { inputTokens: 1, outputTokens: 2, cacheReadTokens: 3, cacheWriteTokens: 4 }
      const cause = new Error('what the vendor said')
      throw new ModelError('unavailable', 'was cut off', { retryAfterMs: 7, providerRequestId: 'req_1', usage, cause })
    }
    const asked = { ...question(), model: 'x' }
    const through = async (each: Provider) => {
      const events: CompletionEvent[] = []
      try {
        for await (const event of each(asked, AbortSignal.timeout(5_000))) events.push(event)
        return assert.fail('no failure')
      } catch (error) {
        assert.ok(error instanceof ModelError, String(error))
        const { kind, message, retryAfterMs, providerRequestId, usage } = error
        return { events, kind, message, retryAfterMs, providerRequestId, usage }
      }
    }
    await using recorder = await openRecorder(file)
    const recorded = await through(recorder.recorded('test', provider))
    assert.equal(recorded.events.length, 2)
    assert.deepEqual(await through((await openReplay(file))('test')), recorded)
    assert.ok(!(await readFile(file, 'utf8')).includes('vendor'))
  })

  it('goes on in a line of its own where the last one has lost its end', async () => {
    const file = newFile()
    const script = (): Script => ({ json: { word: 'one' } })
    await answers('record', file, ['a'], script)
    await writeFile(file, (await readFile(file, 'utf8')).trimEnd())
    await answers('record', file, ['b'], script)
    const { ended } = await answers('replay', file, ['a', 'b'], script)
    assert.deepEqual(
      ended.map(({ kind }) => kind),
      ['response', 'response'],
    )
  })

  it('does not keep what its caller gave up', async () => {
    const file = newFile()
    const stop = new AbortController()
    const provider: Provider = async function* (_, signal) {
      yield { kind: 'text', text: '{' }
      stop.abort()
      signal.throwIfAborted()
    }
    await using recorder = await openRecorder(file)
    await assert.rejects(
      Array.fromAsync(recorder.recorded('test', provider)({ ...question(), model: 'x' }, stop.signal)),
    )
    assert.equal(await readFile(file, 'utf8'), '')
  })

  it('is refused when it is not there, or a line is none of a cassette', async () => {
    const file = newFile()
    await assert.rejects(
      openReplay(file),
      /^Error: cannot read the cassette .*\.jsonl \(ENOENT\): check DEED_CASSETTE_FILE/,
    )
    const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
    const right = {
      request: 'r',
      model: 'a/b',
      method: 'S/M',
      text: ['{}'],
      stop: 'complete',
      usage,
      providerRequestId: '',
    }
    const broken = [
      '{"request":',
      '[]',
      JSON.stringify({ ...right, text: 'x' }),
      JSON.stringify({ ...right, stop: 'never' }),
      JSON.stringify({ ...right, usage: {} }),
      JSON.stringify({ ...right, usage: { ...usage, inputTokens: -1 } }),
      JSON.stringify({ ...right, providerRequestId: undefined }),
      JSON.stringify({ ...right, error: { kind: 'unavailable', message: '', retryAfterMs: 'soon' } }),
      JSON.stringify({ ...right, error: { kind: 'odd', message: '' } }),
    ]
    for (const line of broken) {
      await writeFile(file, `${JSON.stringify(right)}\n\n${line}\n`)
      for (const open of [openReplay, openRecorder]) {
        await assert.rejects(open(file), new RegExp(`^Error: ${file}:3: is no line of a cassette`), line)
      }
    }
    const server = { ...readServerConfig({}), port: 0, cassette: { mode: 'replay' as const, file: `${file}.gone` } }
    const starting = { signal: AbortSignal.timeout(5_000), log: silent }
    await assert.rejects(startServer({ ...server, dataDir: folder.path }, starting), /cannot read the cassette .*gone/)
    await assert.rejects(openRecorder(folder.path), /^Error: cannot write the cassette .* \(EISDIR\)/)
  })

  function question() {
    const [system, turns] = ['Do it.', [{ role: 'user' as const, text: 'x' }]]
    return {
      system,
      turns,
      schema: responseSchema(method),
      maxOutputTokens: 9,
      method,
      request: requestOf(method),
      headers: {},
    }
  }
})

/** What is the same each time: no times and no ids. */
function comparable(ended: Answer) {
  const outcomes = ended.completions.map(({ outcome }) => outcome)
  const costs = ended.completions.map(({ costMicroUsd }) => String(costMicroUsd))
  const bytes = ended.kind === 'response' ? Buffer.from(ended.bytes).toString('hex') : undefined
  const failed = ended.kind === 'failure' ? ended : undefined
  const { reason, message } = failed?.error ?? {}
  return { kind: ended.kind, outcomes, costs, bytes, reason, message, retryable: failed?.retryable }
}
