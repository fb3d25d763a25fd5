import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { status } from '@grpc/grpc-js'
import { ContractVersion } from '../../gen/deed/v1/contract.ts'
import {
  type BatchSubmitOperationsRequest,
  BatchSubmitOperationsResponse,
} from '../../gen/deed/v1/operation_service.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { toStatus } from '../../src/errors/status.ts'
import { compile, folderOf } from '../support/compile.ts'
import { fakeDeed } from '../support/fake-deed.ts'
import { type Ended, runCommandHere } from '../support/run-deed.ts'
import { gate, scripted } from '../support/scripted.ts'
import { startDeed, type TestDeed } from '../support/server.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const source = `syntax = "proto3";
package acme.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
service Tickets {
  option (deed.v1.service) = {models: ["test/one"], max_failures: 1, max_repairs: 0};
  rpc Triage(TriageRequest) returns (TriageResponse);
}
message TriageRequest { string subject = 1 [(buf.validate.field).string.max_len = 20]; }
message TriageResponse { string topic = 1; }
`
const method = 'acme.v1.Tickets/Triage'

type Result = {
  line: number
  operation?: string
  response?: { topic: string }
  error?: { code: string; message: string }
}

describe('deed batch', () => {
  const stack = new AsyncDisposableStack()
  /** What the model holds back. */
  let held = gate()
  const model = scripted(async ({ turns }) => {
    const [, subject = ''] = /subject\W+([a-z]+ ?\d*)/.exec(JSON.stringify(turns)) ?? []
    if (subject.startsWith('late')) await held.promise
    return subject.startsWith('fail') ? 'no JSON' : JSON.stringify({ topic: subject })
  })
  let deed: TestDeed
  let folder: string

  before(async () => {
    deed = stack.use(await startDeed(model.providers))
    await deed.publish({ 'acme/v1/tickets.proto': source })
    ;({ path: folder } = stack.use(await folderOf({})))
  })
  after(async () => {
    held.resolve()
    await stack.disposeAsync()
  })

  it('is killed in the middle, twice, and leaves one result and one operation for every line', async () => {
    held = gate()
    const subjects = Array.from({ length: 600 }, (_, index) => `${index < 400 ? 'soon' : 'late'} ${index + 1}`)
    const file = await inputOf('killed', subjects)
    const results = join(folder, 'killed.results.jsonl')
    const args = [file, '--concurrency', '100', '--key-prefix', 'killed-']
    for (const least of [150, 300]) {
      const killed = start(args)
      await killed.until(async () => (await linesIn(results)) >= least)
      killed.child.kill('SIGKILL')
      await killed.ended
      await appendFile(results, '{"line":1,"key":"torn') // as a write that was cut leaves it
    }
    const last = start(args)
    await last.until(async () => (await linesIn(results)) >= 400)
    held.resolve()
    const { code, stdout, stderr } = await last.ended
    assert.deepEqual([code, stdout, stderr], [0, `600 of 600 lines answered; the results are in ${results}\n`, ''])
    const kept = await read(results)
    assert.deepEqual(
      kept.map(({ line }) => line).sort((a, b) => a - b),
      subjects.map((_, index) => index + 1),
    )
    for (const { line, response } of kept) assert.equal(response?.topic, subjects[line - 1])
    assert.equal(new Set(kept.map(({ operation }) => operation)).size, 600)
    assert.equal(await operationsUnder('killed-'), 600)
  }).timeout(60_000)

  it('stops at an interrupt, says how far it came, and goes on when it is started again', async () => {
    held = gate()
    const file = await inputOf('stopped', ['soon 1', 'soon 2', 'late 3', 'late 4'])
    const args = [file, '--key-prefix', 'stopped-', '--json']
    const stopped = start(args)
    await stopped.until(async () => (await linesIn(join(folder, 'stopped.results.jsonl'))) === 2)
    await stopped.until(async () => (await operationsUnder('stopped-')) === 4)
    stopped.child.kill('SIGINT')
    const { code, stdout, stderr } = await stopped.ended
    assert.deepEqual([code, stdout], [130, ''])
    assert.equal(
      JSON.parse(stderr.split('\n')[0] ?? '').remark,
      'stopped: 2 of 4 lines are done; what was sent goes on, and so does the same command',
    )
    held.resolve()
    const results = join(folder, 'stopped.results.jsonl')
    const again = await run(args)
    assert.deepEqual([again.code, JSON.parse(again.stdout)], [0, { lines: 4, succeeded: 4, failed: 0, results }])
    assert.equal(await operationsUnder('stopped-'), 4)
  })

  it('records what is wrong with a line, has the others answered, and ends with 1', async () => {
    held = gate()
    const file = join(folder, 'bad.jsonl')
    const lines = ['{"subject": "soon 1"}', 'no JSON', '', '{"subjcet": "x"}', `{"subject": "${'x'.repeat(21)}"}`]
    await writeFile(file, `${lines.join('\n')}\n[]\n{"subject": "fail 7"}\n{"subject": "soon 8"}`)
    const output = join(folder, 'bad.out')
    const args = [file, '--output', output, '--key-prefix', 'bad-']
    const { code, stdout, stderr } = await run(args)
    assert.deepEqual([code, stdout], [1, `2 of 7 lines answered; the results are in ${output}\n`])
    assert.equal(
      stderr,
      `error: 5 of 7 lines failed — their "error" in ${output} says why; correct them in ${file} and run the same command again, or have them done again as they are with --retry-failed\n`,
    )
    const results = new Map((await read(output)).map((result) => [result.line, result]))
    assert.deepEqual([...results.keys()].sort(), [1, 2, 4, 5, 6, 7, 8])
    assert.deepEqual(
      [1, 2, 4, 5, 6, 7, 8].map((line) => results.get(line)?.error?.code),
      [
        undefined,
        'INVALID_ARGUMENT',
        'INVALID_ARGUMENT',
        'INVALID_ARGUMENT',
        'INVALID_ARGUMENT',
        'INTERNAL',
        undefined,
      ],
    )
    assert.match(results.get(4)?.error?.message ?? '', /has no field "subjcet", did you mean "subject"\?$/)

    const calls = model.calls()
    assert.deepEqual((await run(args)).code, 1)
    assert.equal(model.calls(), calls, 'what failed was asked again')
    await writeFile(file, `${lines.join('\n')}\n{"subject": "soon 6"}\n{"subject": "fail 7"}\n{"subject": "soon 8"}`)
    const mended = await run([...args, '--retry-failed'])
    assert.equal(mended.stdout, `3 of 7 lines answered; the results are in ${output}\n`)
    assert.equal(model.calls(), calls + 2, 'not just the corrected line and the one that failed')
    assert.equal((await read(output)).length, 7)
  })

  it('sends again what was refused for now, under the same keys', async () => {
    const file = await inputOf('again', ['one 1', 'two 2'])
    const image = Buffer.from(toBinary(FileDescriptorSetSchema, await compile({ 'acme/v1/tickets.proto': source })))
    const keys: string[][] = []
    await using fake = await fakeDeed({
      GetContract: () => ({
        version: ContractVersion.fromPartial({ name: 'contracts/acme.v1.Tickets/versions/1' }),
        image,
      }),
      BatchSubmitOperations: ({ requests }: BatchSubmitOperationsRequest) => {
        keys.push(requests.map(({ idempotencyKey }) => idempotencyKey))
        if (keys.length === 1) throw new DeedError(status.UNAVAILABLE, 'SHUTTING_DOWN', 'draining', { retryDelayMs: 1 })
        const error = toStatus(new DeedError(status.RESOURCE_EXHAUSTED, 'OVERLOADED', 'too many', { retryDelayMs: 1 }))
        const metadata = { typeUrl: 'type.googleapis.com/deed.v1.OperationMetadata', value: Buffer.of() }
        const accepted = { $case: 'operation', value: { name: 'operations/1', done: true, metadata } } as const
        return BatchSubmitOperationsResponse.fromPartial({
          outcomes: requests.map((_, index) => ({
            outcome: keys.length === 2 && index === 1 ? { $case: 'error', value: error } : accepted,
          })),
        })
      },
    })
    const ended = await runCommandHere(['batch', method, file], { DEED_ADDRESS: fake.address, DEED_KEY: 'k' })
    assert.equal(ended.code, 0, ended.stderr)
    const [first = [], second, third] = keys
    assert.equal(first.length, 2)
    assert.deepEqual([second, third, keys.length], [first, [first[1]], 3])
  })

  async function inputOf(name: string, subjects: readonly string[]): Promise<string> {
    const file = join(folder, `${name}.jsonl`)
    await writeFile(file, subjects.map((subject) => `${JSON.stringify({ subject })}\n`).join(''))
    return file
  }

  function run(args: readonly string[]): Promise<Ended> {
    return runCommandHere(['batch', method, ...args], { DEED_ADDRESS: deed.address, DEED_KEY: deed.project.adminKey })
  }

  /** In a process of its own, to be ended. */
  function start(args: readonly string[]) {
    const { PATH, NODE_COMPILE_CACHE } = process.env
    const child = spawn(process.execPath, [main, 'batch', method, ...args], {
      env: { PATH, NODE_COMPILE_CACHE, DEED_ADDRESS: deed.address, DEED_KEY: deed.project.adminKey },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: AbortSignal.timeout(50_000),
    })
    child.on('error', () => {})
    const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
      ([[code], stdout, stderr]) => ({ code: code as number | null, stdout, stderr }),
    )
    const until = async (isSo: () => Promise<boolean>) => {
      while (!(await isSo())) {
        assert.equal(child.exitCode, null, 'it ended before')
        await delay(20)
      }
    }
    return { child, ended, until }
  }

  async function operationsUnder(prefix: string): Promise<number> {
    const { rows } = await deed.db.pool.query('select count(*)::int as n from idempotency where key like $1', [
      `${prefix}%`,
    ])
    return rows[0].n
  }
})

async function linesIn(path: string): Promise<number> {
  return (await readFile(path, 'utf8').catch(() => '')).split('\n').length - 1
}

async function read(path: string): Promise<Result[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line))
}
