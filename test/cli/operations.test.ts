import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { OperationMetadata, OperationState } from '../../gen/deed/v1/operation.ts'
import type { WatchOperationsRequest } from '../../gen/deed/v1/operation_service.ts'
import { WatchOperationsResponse } from '../../gen/deed/v1/operation_service.ts'
import { ProjectServiceService } from '../../gen/deed/v1/project_service.ts'
import { connect } from '../../src/cli/connect.ts'
import { watchOperations } from '../../src/cli/operation-watch.ts'
import { noProgress } from '../../src/cli/progress.ts'
import { fakeDeed } from '../support/fake-deed.ts'
import { long, longProto } from '../support/long.ts'
import { type Ended, runCommandHere } from '../support/run-deed.ts'
import { gate, scripted } from '../support/scripted.ts'
import { startDeed, type TestDeed } from '../support/server.ts'

describe('the commands for operations, with a server', () => {
  const held = gate()
  const model = scripted(async ({ turns }, signal) => {
    const [, text] = /"text": "([a-z]+)"/.exec(turns[0]?.text ?? '') ?? []
    if (text === 'late') {
      await Promise.race([held.promise, new Promise((_, reject) => signal.addEventListener('abort', reject))])
    }
    return text === 'fail' ? 'no JSON' : '{"text": "done"}'
  })
  let deed: TestDeed

  before(async () => {
    deed = await startDeed(model.providers)
    await deed.publish(longProto)
  })
  after(async () => {
    held.resolve()
    await deed[Symbol.asyncDispose]()
  })

  function run(...args: string[]): Promise<Ended> {
    return runCommandHere(args, { DEED_ADDRESS: deed.address, DEED_KEY: deed.project.adminKey })
  }

  function call(text: string, ...options: string[]): Promise<Ended> {
    return run('call', `${long}/Work`, '-d', JSON.stringify({ text }), ...options)
  }

  /** Starts one, and returns its name. */
  async function begin(text: string, ...options: string[]): Promise<string> {
    const { code, stdout, stderr } = await call(text, ...options)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^operations\/[0-9a-f-]{36}\n$/)
    return stdout.trim()
  }

  it('call prints what a long-running method started and what to do next, or waits for its end', async () => {
    const started = await call('soon', '--idempotency-key', 'once')
    const name = started.stdout.trim()
    assert.equal(started.stderr, `"npx deed operation wait ${name}" waits for its end\n`)
    const again = await call('soon', '--idempotency-key', 'once')
    assert.equal(again.stdout, started.stdout)
    assert.match(again.stderr, /^an earlier call with this key made it; /)

    const { code, stdout, stderr } = await call('soon', '--wait')
    assert.deepEqual([code, JSON.parse(stdout)], [0, { text: 'done' }])
    assert.match(stderr, /^operations\/[0-9a-f-]{36} · version 1 · test\/one\n$/)
    const failed = await call('fail', '--wait')
    assert.deepEqual([failed.code, failed.stdout], [1, ''])
    assert.match(
      failed.stderr,
      /^error: INTERNAL \(ANSWER_INVALID\): .* — "npx deed operation get operations\/\S+" shows/,
    )
    const late = await call('late', '--wait', '--deadline', '500ms')
    assert.equal(late.code, 1)
    assert.match(
      late.stderr,
      /^error: (operations\/\S+) has not ended: it is RUNNING — it goes on; wait longer with "npx deed operation wait \1 --timeout 10m"\n$/,
    )
  })

  it('wait prints the end of each in the order of the names, and fails for those that have none to print', async () => {
    const [done, failed, late] = await Promise.all([begin('soon'), begin('fail'), begin('late')])
    const bare = (name: string) => name.replace('operations/', '')
    const one = await run('operation', 'wait', bare(done))
    assert.deepEqual([one.code, one.stdout], [0, '{\n  "text": "done"\n}\n'])
    const all = await run('operation', 'wait', failed, done, late, '--timeout', '500ms')
    assert.deepEqual([all.code, all.stdout], [1, '{\n  "text": "done"\n}\n'])
    assert.match(
      all.stderr,
      /\nerror: 2 of 3 did not work out\n {2}INTERNAL \(ANSWER_INVALID\).*\n {2}operations\/\S+ has not ended/,
    )
    const json = await run('operation', 'wait', done, failed, '--json')
    const [first, second] = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      [json.code, first.operation, first.state, first.response],
      [1, done, 'OPERATION_STATE_SUCCEEDED', { text: 'done' }],
    )
    assert.deepEqual([second.operation, second.error.code, second.error.reason], [failed, 'INTERNAL', 'ANSWER_INVALID'])
  })

  it('cancel, retry and delete say what happened and what comes next', async () => {
    const [late, done] = await Promise.all([begin('late'), begin('soon')])
    assert.equal((await run('operation', 'wait', done)).code, 0)
    const cancelled = await run('operation', 'cancel', late, done)
    assert.equal(cancelled.stdout, `cancelled ${late}\n${done} had ended: SUCCEEDED\n`)
    assert.equal(
      cancelled.stderr,
      `"npx deed operation retry ${late}" has it done after all\n"npx deed operation get ${done}" shows its result\n`,
    )
    const retry = ['operation', 'retry', done, '--idempotency-key', 'again']
    const retried = await run(...retry)
    const name = retried.stdout.trim()
    assert.match(name, /^operations\/[0-9a-f-]{36}$/)
    assert.equal(retried.stderr, `it repeats ${done}; "npx deed operation wait ${name}" waits for its end\n`)
    const replayed = JSON.parse((await run(...retry, '--json')).stdout)
    assert.deepEqual([replayed.operation, replayed.replayed, replayed.retryOf], [name, true, done])
    assert.equal((await run('operation', 'wait', name)).code, 0)

    assert.deepEqual(await run('operation', 'delete', name), { code: 0, stdout: `deleted ${name}\n`, stderr: '' })
    const gone = await run('operation', 'delete', name, done)
    assert.deepEqual([gone.code, gone.stdout], [1, `deleted ${done}\n`])
    assert.match(
      gone.stderr,
      /^error: NOT_FOUND \(OPERATION_NOT_FOUND\): .* — "npx deed operation list" shows which there are\n$/,
    )
  })

  it('list takes a filter as it is, and the other order', async () => {
    const first = await begin('soon')
    const last = await begin('soon')
    await run('operation', 'wait', first, last)
    const named = async (...options: string[]) => {
      const { stdout } = await run('operation', 'list', '--json', '--limit', '500', ...options)
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    }
    const succeeded = await named('--filter', 'state = SUCCEEDED', '--oldest-first')
    assert.ok(succeeded.every(({ state }) => state === 'OPERATION_STATE_SUCCEEDED'))
    assert.deepEqual(
      succeeded.slice(-2).map(({ name }) => name),
      [first, last],
    )
    const [newest] = await named('--filter', 'state = SUCCEEDED')
    assert.equal(newest.name, last)
  })

  it('watch prints a line for each change until it is interrupted', async () => {
    const interrupt = new AbortController()
    const lines: string[] = []
    let seen = false
    const ended = watch(deed.address, deed.project.adminKey, interrupt.signal, (line) => {
      lines.push(line)
      seen ||= line.includes('FAILED')
    })
    // The first changes may come before the watch is there: as many as it takes.
    while (!seen) await Promise.race([call('fail'), ended])
    interrupt.abort()
    await assert.rejects(ended, { message: 'interrupted' })
    const last = lines.find((line) => line.includes('FAILED')) ?? ''
    assert.match(
      last,
      /^\d{4}-\d\d-\d\dT[\d:.]+Z {2}FAILED {5}LongService\/Work {2}operations\/[0-9a-f-]{36} {2}INTERNAL \(ANSWER_INVALID\): /,
    )
  })

  it('project sets the weight and the limit, and takes the limit away', async () => {
    const set = await run('project', 'set', 'default', '--weight', '2.5', '--max-running', '7', '--json')
    const { name, weight, maxRunning } = JSON.parse(set.stdout)
    assert.deepEqual([set.code, name, weight, maxRunning], [0, 'projects/default', 2.5, 7])
    const stored = await deed.call(ProjectServiceService.getProject, { name })
    assert.deepEqual([stored.response.project?.weight, stored.response.project?.maxRunning], [2.5, 7])
    const free = await run('project', 'set', 'projects/default', '--max-running', 'none')
    assert.match(free.stdout, /^PROJECT +WEIGHT +MAX RUNNING +AGE\ndefault +2\.5 +none +\S+\n$/)
    await run('project', 'set', 'default', '--weight', '1')
    assert.match((await run('project', 'list')).stdout, /\ndefault +1 +none +\S+\n$/)
    assert.match((await run('project', 'get', 'default')).stdout, /\ndefault +1 +none +\S+\n$/)
  })
})

describe('deed operation watch', () => {
  it('goes on with the token of the last change when the server drains or a connection breaks', async () => {
    const change = (n: number) =>
      WatchOperationsResponse.fromPartial({
        resumeToken: `token-${n}`,
        operation: {
          name: `operations/${n}`,
          metadata: {
            typeUrl: 'type.googleapis.com/deed.v1.OperationMetadata',
            value: Buffer.from(
              OperationMetadata.encode(
                OperationMetadata.fromPartial({ method: 'a.v1.A/M', state: OperationState.OPERATION_STATE_READY }),
              ).finish(),
            ),
          },
        },
      })
    const interrupt = new AbortController()
    const tokens: string[] = []
    await using fake = await fakeDeed({
      async *WatchOperations({ resumeToken }: WatchOperationsRequest) {
        tokens.push(resumeToken)
        const n = tokens.length
        if (n === 1) yield WatchOperationsResponse.fromPartial({ resumeToken: 'token-0' })
        yield change(n)
        if (n === 2) throw Object.assign(new Error(), { code: status.UNAVAILABLE })
      },
    })
    const lines: string[] = []
    const ended = watch(fake.address, 'secret', interrupt.signal, (line) => {
      lines.push(line)
      if (lines.length === 3) interrupt.abort()
    })
    await assert.rejects(ended, { message: 'interrupted' })
    assert.deepEqual(tokens, ['', 'token-1', 'token-2'])
    assert.deepEqual(
      lines.map((line) => /operations\/\d/.exec(line)?.[0]),
      ['operations/1', 'operations/2', 'operations/3'],
    )
  })
})

async function watch(address: string, key: string, signal: AbortSignal, print: (line: string) => void): Promise<void> {
  const target = { address, key, keyFile: '' }
  using connection = connect(target, signal)
  const output = {
    json: false,
    columns: undefined,
    print,
    remark: () => {},
    paint: (_: unknown, text: string) => text,
    progress: () => noProgress,
  }
  await watchOperations({ target, connection, output, signal }, { filter: '', resumeToken: '' })
}
