import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { ServerReflectionService } from '../../gen/grpc/reflection/v1/reflection.ts'
import { findPostmaster } from '../../src/storage/embedded/postmaster.ts'
import { dataFolder, initialisedFolder } from '../support/data-folder.ts'
import { type DeedClient, statusIn } from '../support/deed-client.ts'
import { clusterOf, endProcesses, freePort, spawnDeed, startDeed } from '../support/deed-process.ts'
import { embeddedUrl, eventually, inspect, prepareGround } from '../support/ground.ts'
import { ownPostgres } from '../support/postgres.ts'

const inFlight = 100
/** A start takes about as long, on most machines longer: the signal comes at any of its steps. */
const startMs = 3_000
/** Long past every grace time of these tests. */
const hangMs = 60_000

describe('a server that is told to end', () => {
  afterEach(endProcesses)

  it('finishes all calls in flight, says that it does not serve, and is not held by open streams', async () => {
    await using ground = await prepareGround(
      ({ n }) => ({
        delayMs: 50 + Math.random() * 950,
        json: { text: `answer ${n}` },
      }),
      initialisedFolder,
    )
    await using server = await startDeed(await ground.env())
    const client = ground.client(server.address)
    await client.publish()
    const health = watchHealth(client)
    const reflection = client.grpc.makeBidiStreamRequest(
      ServerReflectionService.serverReflectionInfo.path,
      ServerReflectionService.serverReflectionInfo.requestSerialize,
      ServerReflectionService.serverReflectionInfo.responseDeserialize,
    )
    reflection.write({ host: '', messageRequest: { $case: 'listServices', value: '' } })
    const reflectionEnded = new Promise((resolve) => reflection.on('error', resolve))
    await new Promise((resolve) => reflection.once('data', resolve))
    await eventually(async () => health.states.length > 0, 5_000, 'no health')

    const calls = Array.from({ length: inFlight }, (_, n) =>
      client.echo(`call ${n}`, n % 2 === 0 ? `key-${n}` : undefined),
    )
    await eventually(async () => ground.fake.requests.length > inFlight / 2, 10_000, 'the calls did not arrive')
    server.send('SIGTERM')
    const outcomes = await Promise.all(calls)
    assert.deepEqual(
      outcomes.filter(({ code }) => code !== status.OK),
      [],
    )
    const { code, stderr } = await server.ended
    assert.deepEqual([code, stderr], [0, ''])
    assert.deepEqual(health.states, ['SERVING', 'NOT_SERVING'])
    await Promise.all([health.ended, reflectionEnded])
    assert.equal(await postmasterOf(ground.dataDir), undefined)
  }).timeout(60_000)

  it('gives back what takes longer than the grace time', async () => {
    await using ground = await prepareGround(
      ({ n }) => ({
        delayMs: n <= 2 ? hangMs : 50,
        json: { text: `answer ${n}` },
      }),
      initialisedFolder,
    )
    const env = await ground.env({ DEED_DRAIN_SECONDS: '1' })
    await using first = await startDeed(env)
    const client = ground.client(first.address)
    await client.publish()
    const [keyed, keyless] = [client.echo('keyed', 'key'), client.echo('keyless')]
    await eventually(async () => ground.fake.requests.length === 2, 10_000, 'the calls did not arrive')
    const { code, stderr } = await first.stop()
    assert.equal(code, 0, stderr)
    assert.deepEqual(picked(await keyed), [status.UNAVAILABLE, 'SHUTTING_DOWN', true])
    assert.deepEqual(picked(await keyless), [status.ABORTED, 'REPLICA_LOST', false])

    await using second = await startDeed(env)
    const again = await client.echo('keyed', 'key')
    assert.deepEqual([again.code, again.replayed], [status.OK, true])
    const stored = await client.list()
    assert.deepEqual([...stored.values()].map(({ attempts, result }) => [attempts, result?.$case]).toSorted(), [
      [1, 'error'],
      [2, 'response'],
    ])
    assert.equal(ground.fake.requests.length, 3)
    assert.equal((await second.stop('SIGINT')).code, 0)
  }).timeout(60_000)

  it('ends at once when it is told twice, and loses nothing', async () => {
    await using ground = await prepareGround(
      ({ n }) => ({
        delayMs: n === 1 ? hangMs : 50,
        json: { text: `answer ${n}` },
      }),
      initialisedFolder,
    )
    const env = await ground.env()
    await using first = await startDeed(env)
    const client = ground.client(first.address)
    await client.publish()
    const health = watchHealth(client)
    const keyed = client.echo('keyed', 'key')
    await eventually(async () => ground.fake.requests.length === 1 && health.states.length === 1, 10_000, 'no call')
    first.send('SIGTERM')
    await eventually(async () => health.states.length === 2, 5_000, 'it does not drain')
    assert.equal((await first.stop()).code, 1)
    assert.equal((await keyed).code, status.UNAVAILABLE)

    await using second = await startDeed(env)
    assert.equal((await client.echo('keyed', 'key')).code, status.OK)
    await using inspector = inspect(await embeddedUrl(ground.dataDir))
    assert.deepEqual(await inspector.misplaced(), [])
    assert.equal((await second.stop()).code, 0)
  }).timeout(60_000)

  it('ends while it is still starting, and leaves nothing running', async () => {
    for (const share of [0.3, 0.6, 0.9]) {
      await using ground = await prepareGround()
      const server = spawnDeed(await ground.env())
      await sleep(share * startMs)
      const { stderr } = await server.stop()
      assert.match(stderr, /^(error: [^\n]+\n)?$/)
      assert.equal(await postmasterOf(ground.dataDir), undefined)
    }
  }).timeout(60_000)

  it('ends while PostgreSQL is gone, and with it the calls in flight', async () => {
    await using postgres = await ownPostgres()
    await using ground = await prepareGround(() => ({ hang: true }))
    await using server = await startDeed(await ground.env({ DATABASE_URL: postgres.url, DEED_DRAIN_SECONDS: '1' }))
    const client = ground.client(server.address)
    await client.publish()
    const calls = [client.echo('keyed', 'key'), client.echo('keyless')]
    await eventually(async () => ground.fake.requests.length === 2, 10_000, 'the calls did not arrive')
    await postgres.stop()
    const { code, stderr } = await server.stop()
    assert.equal(code, 0, stderr)
    assert.deepEqual((await Promise.all(calls)).map(picked), [
      [status.UNAVAILABLE, 'SHUTTING_DOWN', true],
      [status.ABORTED, 'REPLICA_LOST', false],
    ])
  }).timeout(60_000)
})

describe('a second server', () => {
  afterEach(endProcesses)

  it('is refused in one line on the same port, and on the same data folder', async () => {
    await using ground = await prepareGround(undefined, initialisedFolder)
    await using other = await dataFolder()
    const env = await ground.env()
    await using first = await startDeed(env)
    const onPort = spawnDeed({ ...env, DEED_DATA_DIR: other.path })
    const inFolder = spawnDeed({ ...env, DEED_PORT: String(await freePort()) })
    for (const [{ ended }, line] of [
      [onPort, /^error: port \d+ on 127\.0\.0\.1 is in use.*\n$/],
      [inFolder, /^error: another deed server uses the data folder .*\n$/],
    ] as const) {
      const { code, stderr } = await ended
      assert.equal(code, 1)
      assert.match(stderr, line)
    }
    const client = ground.client(first.address)
    assert.deepEqual(await client.health('readiness'), ['SERVING'])
    assert.equal((await first.stop()).code, 0)
  }).timeout(60_000)

  it('cannot start without its PostgreSQL, and says so in one line', async () => {
    await using ground = await prepareGround()
    const url = `postgresql://nobody:secret@127.0.0.1:${await freePort()}/none`
    const { code, stderr } = await spawnDeed(await ground.env({ DATABASE_URL: url })).ended
    assert.equal(code, 1)
    assert.match(stderr, /^error: [^\n]+\n$/)
    assert.doesNotMatch(stderr, /secret/)
  }).timeout(60_000)
})

const picked = ({ code, reason, retryAfterSeconds }: Awaited<ReturnType<DeedClient['echo']>>) => [
  code,
  reason,
  retryAfterSeconds !== undefined,
]

/** Every state that a Watch is told until it ends. */
function watchHealth(client: DeedClient): { states: string[]; ended: Promise<unknown> } {
  const { Watch } = healthService
  assert.ok(Watch)
  const states: string[] = []
  const stream = client.grpc.makeServerStreamRequest(Watch.path, Watch.requestSerialize, Watch.responseDeserialize, {
    service: '',
  })
  stream.on('data', (response: object) => states.push(statusIn(response)))
  return { states, ended: new Promise((resolve) => stream.on('error', resolve)) }
}

async function postmasterOf(dataDir: string): Promise<unknown> {
  const cluster = await clusterOf(dataDir)
  return cluster && findPostmaster(cluster)
}
