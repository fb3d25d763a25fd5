import assert from 'node:assert/strict'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { Client, credentials, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js'
import { service } from 'grpc-health-check'
import { createHealth, type Health } from '../../src/rpc/health.ts'

describe('health', () => {
  let server: Server
  let client: Client
  let health: Health

  beforeEach(async () => {
    server = new Server()
    health = createHealth(['deed.v1.ContractService'])
    health.addTo(server)
    const port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', ServerCredentials.createInsecure())
    client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  })

  afterEach(() => {
    client.close()
    server.forceShutdown()
  })

  function method(name: 'Check' | 'Watch') {
    const found = service[name]
    assert.ok(found)
    return found
  }

  /** The status of each name. */
  async function check(...names: string[]): Promise<string[]> {
    const { path, requestSerialize, responseDeserialize } = method('Check')
    const one = (name: string) =>
      new Promise<string>((resolve, reject) => {
        const options = { deadline: Date.now() + 5_000 }
        const done = (error: ServiceError | null, response?: object) =>
          error ? reject(error) : resolve(statusIn(response))
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: name }, options, done)
      })
    return Promise.all(names.map(one))
  }

  function watch(name: string) {
    const { path, requestSerialize, responseDeserialize } = method('Watch')
    const options = { deadline: Date.now() + 5_000 }
    const stream = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { service: name },
      options,
    )
    const failed = new Promise<ServiceError>((resolve) => stream.on('error', resolve))
    return { stream, failed, next: async () => statusIn((await once(stream, 'data'))[0]) }
  }

  const all = ['', 'readiness', 'deed.v1.ContractService', 'liveness']
  const down = ['NOT_SERVING', 'NOT_SERVING', 'NOT_SERVING', 'SERVING']

  it('begins as live and not ready', async () => {
    assert.deepEqual(await check(...all), down)
  })

  it('turns all but liveness', async () => {
    health.setReady(true)
    assert.deepEqual(await check(...all), ['SERVING', 'SERVING', 'SERVING', 'SERVING'])
    health.setReady(false)
    assert.deepEqual(await check(...all), down)
  })

  it('does not know other names', async () => {
    await assert.rejects(check('deed.v1.Nothing'), { code: status.NOT_FOUND })
    const watched = watch('deed.v1.Nothing')
    assert.equal(await watched.next(), 'SERVICE_UNKNOWN')
    watched.stream.cancel()
    assert.equal((await watched.failed).code, status.CANCELLED)
  })

  it('tells watchers of each change, once', async () => {
    const { next, stream } = watch('readiness')
    assert.equal(await next(), 'NOT_SERVING')
    health.setReady(false)
    health.setReady(true)
    assert.equal(await next(), 'SERVING')
    health.setReady(true)
    health.setReady(false)
    assert.equal(await next(), 'NOT_SERVING')
    stream.cancel()
  })

  it('drains: not ready for good, watches end and the server can shut down', async () => {
    health.setReady(true)
    const [known, live, unknown] = [watch('readiness'), watch('liveness'), watch('deed.v1.Nothing')]
    assert.deepEqual(
      [await known.next(), await live.next(), await unknown.next()],
      ['SERVING', 'SERVING', 'SERVICE_UNKNOWN'],
    )
    const last = known.next()
    health.drain()
    assert.equal(await last, 'NOT_SERVING')
    for (const { failed } of [known, live, unknown]) assert.equal((await failed).code, status.UNAVAILABLE)
    health.setReady(true)
    assert.deepEqual(await check(...all), down)
    const late = watch('readiness')
    late.stream.resume()
    assert.equal((await late.failed).code, status.UNAVAILABLE)
    await promisify(server.tryShutdown.bind(server))()
  })
})

function statusIn(response: unknown): string {
  assert.ok(typeof response === 'object' && response !== null && 'status' in response)
  return String(response.status)
}
