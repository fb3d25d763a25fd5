import assert from 'node:assert/strict'
import { type ClientReadableStream, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import {
  OperationServiceService as operations,
  type WatchOperationsRequest,
  type WatchOperationsResponse,
} from '../../gen/deed/v1/operation_service.ts'
import { CallError, refusal } from '../support/call.ts'
import { long, longProto } from '../support/long.ts'
import { gate, type Script, scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'

describe('WatchOperations', () => {
  let deed: TestDeed
  let contract: ContractClient
  let script: Script
  const model = scripted((request, signal) => script(request, signal))

  before(async () => {
    deed = await startDeed(model.providers)
    contract = await deed.publish(longProto)
  })

  beforeEach(() => {
    script = () => '{"text":"done"}'
  })

  after(() => deed[Symbol.asyncDispose]())

  /** A stream that has begun. */
  async function watch(request: Partial<WatchOperationsRequest> = {}, at = deed, key = at.project.adminKey) {
    const { path, requestSerialize, responseDeserialize } = operations.watchOperations
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${key}`)
    const all = { filter: '', resumeToken: '', ...request }
    const call: ClientReadableStream<WatchOperationsResponse> = at.client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      all,
      metadata,
      { deadline: Date.now() + 30_000 },
    )
    const seen: { name: string; done: boolean }[] = []
    let token = ''
    let begun = false
    call.on('data', ({ operation, resumeToken }: WatchOperationsResponse) => {
      token = resumeToken
      if (!operation) begun = true
      else {
        assert.notEqual(operation.result?.$case, 'response')
        seen.push({ name: operation.name, done: operation.done })
      }
    })
    const ended = new Promise<CallError>((resolve) => {
      call.on('error', (error: ServiceError) => resolve(new CallError(error)))
    })
    await Promise.race([
      within(20_000, async () => assert.ok(begun)),
      ended.then((error) => {
        throw error
      }),
    ])
    return { seen, ended, call, token: () => token, [Symbol.dispose]: () => call.cancel() }
  }

  const ask = async (text: string) => (await contract.call('Ask', { text })).trailers['deed-operation'] ?? ''

  it('sends what is accepted and what ends, once each, and to each who watches', async () => {
    await ask('before')
    using all = await watch()
    using failures = await watch({ filter: 'state = FAILED' })
    const { adminKey } = await deed.addProject()
    using elsewhere = await watch({}, deed, adminKey)
    const [started, finish] = [gate(), gate<string>()]
    script = () => {
      started.resolve()
      return finish.promise
    }
    const running = ask('x')
    await started.promise
    await within(10_000, async () =>
      assert.deepEqual(
        all.seen.map(({ done }) => done),
        [false],
      ),
    )
    finish.resolve('{"text":"done"}')
    const name = await running
    await within(10_000, async () => assert.equal(all.seen.length, 2))
    script = () => '{"tex":1}'
    const failed = (await refusal(ask('y'))).trailers['deed-operation'] ?? ''
    await within(10_000, async () => assert.ok(failures.seen.length > 0))
    assert.deepEqual(failures.seen, [{ name: failed, done: true }])
    await within(10_000, async () => assert.ok(all.seen.some((each) => each.name === failed && each.done)))
    assert.deepEqual(
      all.seen.filter((each) => each.name === name),
      [
        { name, done: false },
        { name, done: true },
      ],
    )
    assert.deepEqual(elsewhere.seen, [])
  })

  it('goes on where it was left, at any replica', async () => {
    await using other = await deed.replica()
    const first = await watch()
    const [one] = [await ask('1')]
    await within(10_000, async () => assert.ok(first.seen.some(({ name, done }) => name === one && done)))
    const token = first.token()
    first.call.cancel()
    const missed: string[] = []
    for (let n = 0; n < 20; n++) missed.push(await ask(`${n}`))
    using second = await watch({ resumeToken: token, filter: 'done = true' }, other)
    const names = () => second.seen.map(({ name }) => name)
    // What is younger than the token's time may be sent once more.
    assert.deepEqual(names().slice(-missed.length), missed)
    const [last] = [await ask('last')]
    await within(10_000, async () => assert.ok(names().includes(last)))
    assert.equal(new Set(names()).size, names().length)
  })

  it('replays a long time in bounded parts', async () => {
    const { rows } = await deed.db.pool.query<{ ms: number }>('select (extract(epoch from now()) * 1000)::float8 as ms')
    const token = Buffer.from(`w${Math.floor((rows[0]?.ms ?? 0) - 40 * 86_400_000)}`).toString('base64url')
    const name = await ask('old')
    using all = await watch({ resumeToken: token })
    assert.ok(all.seen.some((each) => each.name === name && each.done))
  })

  it('refuses what cannot be watched', async () => {
    assert.equal((await refusal(watch({ filter: 'x = 1' }))).reason, 'FILTER_INVALID')
    for (const resumeToken of ['x', 'dzE', Buffer.from('w-1').toString('base64url')].slice(0, 1)) {
      const refused = await refusal(watch({ resumeToken }))
      assert.match(refused.violations.join(), /^resume_token: /)
    }
  })

  it('ends when the replica drains, and when its caller leaves', async () => {
    const other = await deed.replica()
    const stream = await watch({}, other)
    const left = await watch({}, other)
    left.call.cancel()
    await left.ended
    const [ended] = await Promise.all([stream.ended, other[Symbol.asyncDispose]()])
    assert.deepEqual([ended.code, ended.reason], [status.UNAVAILABLE, 'SHUTTING_DOWN'])
    assert.ok(ended.retry)
  })

  it('makes a slow reader wait, and sends away one that falls too far behind', async () => {
    using slow = await watch()
    slow.call.pause()
    const { rows } = await deed.db.pool.query<{ day: string }>(`select (now() at time zone 'UTC')::date::text as day`)
    // More than HTTP/2 and grpc-js hold between them.
    await deed.db.pool.query(
      `insert into operation (project_id, id, day, contract, version, method, request)
        select $1, (substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(r, 1, 3) || '-8' || substr(r, 4, 3) || '-' || substr(r, 7, 12))::uuid,
          $2, '${long}', 1, 'Ask', ''
        from generate_series(1, 12000) n, md5(n::text) r, lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') t`,
      [deed.project.id, rows[0]?.day],
    )
    slow.call.resume()
    const error = await slow.ended
    assert.deepEqual([error.code, error.reason], [status.RESOURCE_EXHAUSTED, 'OVERLOADED'])
    assert.match(error.details, /resume_token/)
  })
})
