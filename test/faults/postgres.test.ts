import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { status } from '@grpc/grpc-js'
import type { DeedClient } from '../support/deed-client.ts'
import { endProcesses, startDeed, within } from '../support/deed-process.ts'
import { eventually, type Ground, inspect, prepareGround } from '../support/ground.ts'
import { broken, startLoad } from '../support/load.ts'
import { type OwnPostgres, ownPostgres } from '../support/postgres.ts'

const callers = 8
/** Answers before PostgreSQL goes and after it is back. */
const answers = 50
/** Within which probes must have turned. */
const turnMs = 2_000
/** No caller must be left without an answer for longer. */
const patienceMs = { gone: 3_000, frozen: 8_000 }

const names = ['', 'readiness', 'deed.v1.ContractService', 'deed.v1.OperationService', 'deed.v1.ApiKeyService']

describe('PostgreSQL that goes away under load', () => {
  const stack = new AsyncDisposableStack()
  let postgres: OwnPostgres
  let ground: Ground
  let server: Awaited<ReturnType<typeof startDeed>>

  before(async () => {
    postgres = stack.use(await ownPostgres())
    ground = stack.use(await prepareGround())
    server = stack.use(await startDeed(await ground.env({ DATABASE_URL: postgres.url })))
    await ground.client(server.address).publish()
  }).timeout(60_000)
  after(async () => {
    await endProcesses()
    await stack.disposeAsync()
  })

  it('stops, and starts again', () =>
    outage(
      'stopped',
      patienceMs.gone,
      () => postgres.stop(),
      () => postgres.start(),
    )).timeout(60_000)

  it('is killed, and starts again', () =>
    outage(
      'killed',
      patienceMs.gone,
      () => postgres.kill(),
      () => postgres.start(),
    )).timeout(60_000)

  it('hangs, and goes on', () => {
    let frozen: number[] = []
    return outage(
      'frozen',
      patienceMs.frozen,
      async () => {
        frozen = await familyOf(await postgres.pid())
        signalAll(frozen, 'SIGSTOP')
      },
      async () => signalAll(frozen, 'SIGCONT'),
    ).finally(() => signalAll(frozen, 'SIGCONT'))
  }).timeout(90_000)

  it('leaves a server that ends well', async () => {
    const { code, stderr } = await server.stop()
    assert.equal(code, 0, stderr)
  })

  async function outage(
    name: string,
    limitMs: number,
    begin: () => Promise<void>,
    end: () => Promise<void>,
  ): Promise<void> {
    const client = ground.client(server.address)
    const prober = ground.client(server.address)
    const load = startLoad([client], callers, name)
    await load.more(answers)

    await begin()
    await turned(prober, 'NOT_SERVING')
    // Every caller, whatever its call was at, has been told.
    await eventually(async () => refused(load.made).length >= callers, limitMs * 2, 'not every caller was told')
    assert.deepEqual(await prober.health('liveness'), ['SERVING'])
    await within(limitMs, 'a new call was not answered', prober.echo('late', `late-${name}`)).then((late) => {
      assert.deepEqual([late.code, late.reason], [status.UNAVAILABLE, 'STORAGE_UNAVAILABLE'])
    })

    await end()
    await using inspector = inspect(postgres.url)
    await eventually(async () => (await inspector.count('project')) === 1, 20_000, 'PostgreSQL did not answer')
    await turned(prober, 'SERVING')
    await within(limitMs, 'calls did not succeed again', load.more(answers))
    await load.stop()

    const told = refused(load.made)
    assert.deepEqual(
      told.filter((outcome) => outcome.reason !== 'STORAGE_UNAVAILABLE' || !outcome.retryAfterSeconds),
      [],
    )
    const slowest = Math.max(...told.map(({ tookMs }) => tookMs))
    assert.ok(slowest < limitMs, `a caller was told after ${slowest} ms`)
    assert.deepEqual(await broken(load.made, client), [])
    await inspector.settled(30_000)
    assert.deepEqual(await inspector.misplaced(), [])
    assert.deepEqual(await inspector.unpaid(), [])
  }
})

async function turned(prober: DeedClient, state: string): Promise<void> {
  const all = async () => (await prober.health(...names)).every((found) => found === state)
  const ms = await eventually(all, turnMs, `health is not ${state}`)
  assert.ok(ms < turnMs, `health took ${ms} ms to become ${state}`)
}

const refused = (made: ReturnType<typeof startLoad>['made']) =>
  made.flatMap((call) => call.outcomes).filter(({ code }) => code === status.UNAVAILABLE)

/** A process and its children. */
async function familyOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
  const rows = stdout.trim().split('\n')
  const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number))
  return [pid, ...pairs.filter(([, parent]) => parent === pid).map(([child]) => child ?? 0)]
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
}
