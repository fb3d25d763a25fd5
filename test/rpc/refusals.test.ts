import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, constants } from 'node:http2'
import { status } from '@grpc/grpc-js'
import { ApiKeyServiceService } from '../../gen/deed/v1/api_key_service.ts'
import { bytesMethod, type CallError, type CallWith, refusal } from '../support/call.ts'
import { echo, echoProto } from '../support/echo.ts'
import { scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed, within } from '../support/server.ts'

describe('refused calls', () => {
  let deed: TestDeed
  let contract: ContractClient
  const model = scripted(echo)

  before(async () => {
    deed = await startDeed(model.providers)
    contract = await deed.publish(echoProto)
  })

  // Whatever was sent, the server goes on, and no model was asked for it.
  afterEach(async () => {
    const calls = model.calls()
    assert.deepEqual((await contract.call('Echo', { text: 'still here' })).response, { text: 'still here' })
    assert.equal(model.calls(), calls + 1)
  })

  after(() => deed[Symbol.asyncDispose]())

  const path = '/test.echo.v1.EchoService/Echo'
  const send = (bytes: Uint8Array, how?: CallWith) => refusal(contract.send('Echo', bytes, how))
  const told = ({ code, reason }: CallError) => [status[code], reason]

  for (const [title, bytes, words] of [
    ['a varint that does not end', Buffer.from('08ff', 'hex'), /EchoRequest/],
    ['a text that is longer than the message', Buffer.from('0a7f41', 'hex'), /EchoRequest/],
    ['a wire type that there is not', Buffer.from('0f', 'hex'), /EchoRequest/],
    ['field number 0', Buffer.from('0200', 'hex'), /EchoRequest/],
    ['text that is not UTF-8', Buffer.from('0a02c328', 'hex'), /text.*UTF-8|UTF-8.*text/],
    ['1,000 levels', nested(1_000), /100/],
    ['100,000 levels', nested(100_000), /100/],
  ] as const) {
    it(`explains bytes that do not decode: ${title}`, async () => {
      const refused = await send(bytes)
      assert.deepEqual(told(refused), ['INVALID_ARGUMENT', 'REQUEST_MALFORMED'])
      assert.match(refused.details, words)
      assert.equal(refused.status?.message, refused.details)
      assert.equal(refused.status?.code, refused.code)
      assert.equal(refused.info?.domain, 'deed.v1')
    })
  }

  it('names each field that breaks a rule', async () => {
    const request = { text: 'x'.repeat(101), items: [{ price: 1 }, { price: -1 }], counts: { ok: 1, many: 11 } }
    const refused = await send(contract.encode('Echo', request))
    assert.deepEqual(told(refused), ['INVALID_ARGUMENT', 'REQUEST_INVALID'])
    const fields = refused.violations.map((violation) => violation.split(': ')[0])
    assert.deepEqual(fields.sort(), ['counts["many"]', 'items[1].price', 'text'])
  })

  it('does not use up a key for what it refuses', async () => {
    const how = { metadata: { 'idempotency-key': 'unused' } }
    assert.equal((await send(contract.encode('Echo', { text: 'x'.repeat(101) }), how)).reason, 'REQUEST_INVALID')
    const { trailers } = await contract.call('Echo', { text: 'short' }, how)
    assert.equal(trailers['deed-replayed'], 'false')
  })

  it('answers without a key or with a wrong one as such', async () => {
    const request = contract.encode('Echo', { text: 'x' })
    assert.deepEqual(told(await send(request, { key: null })), ['UNAUTHENTICATED', 'CREDENTIALS_MISSING'])
    for (const authorization of ['Basic abc', 'Bearer', `Bearer deed_${'x'.repeat(43)}`, 'Bearer a b']) {
      const refused = await send(request, { key: null, metadata: { authorization } })
      assert.deepEqual(told(refused), ['UNAUTHENTICATED', 'CREDENTIALS_INVALID'], authorization)
    }
    for (const scheme of ['bearer', 'BEARER']) {
      await contract.send('Echo', request, { key: null, metadata: { authorization: `${scheme} ${contract.key}` } })
    }
  })

  it('refuses calls with a revoked key within a second, here and on another replica', async () => {
    await using second = await deed.replica()
    const { response } = await deed.call(ApiKeyServiceService.createApiKey, { displayName: 'gone soon', role: 3 })
    const clients = [deed.call, second.call].map((call) => contract.at(call, response.secret))
    const request = contract.encode('Echo', { text: 'x' })
    for (const client of clients) await client.send('Echo', request)
    await deed.call(ApiKeyServiceService.revokeApiKey, { name: response.apiKey?.name ?? '' })
    const refused = async (client: ContractClient) =>
      assert.deepEqual(told(await refusal(client.send('Echo', request))), ['UNAUTHENTICATED', 'CREDENTIALS_INVALID'])
    await Promise.all(clients.map((client) => within(1_000, () => refused(client))))
  })

  it('takes 4 MiB, and explains that 5 MB are too much', async () => {
    const most = 4 * 1024 * 1024
    const filled = (size: number) => {
      const empty = contract.encode('Echo', { text: 'x' })
      // The rest is a field that the contract does not know: a tag of two bytes, a length of four.
      const head = Buffer.from([0x9a, 0x06, ...varint(size - empty.length - 6)])
      return Buffer.concat([empty, head, Buffer.alloc(size - empty.length - head.length)])
    }
    assert.equal(filled(most).length, most)
    await contract.send('Echo', filled(most))
    for (const size of [most + 1, 5_000_000]) {
      const refused = await send(filled(size))
      assert.deepEqual(told(refused), ['RESOURCE_EXHAUSTED', 'REQUEST_TOO_LARGE'])
      assert.deepEqual(refused.info?.metadata, { size_bytes: String(size), limit_bytes: String(most) })
      assert.match(refused.quotas[0]?.description ?? '', /4194304/)
    }
    // From 16 MiB on grpc-js refuses in its own words.
    const huge = await send(Buffer.alloc(20_000_000))
    assert.deepEqual(told(huge), ['RESOURCE_EXHAUSTED', ''])
    assert.match(huge.details, /larger than max/)
  })

  it('refuses idempotency keys that it could not hold apart', async () => {
    const request = contract.encode('Echo', { text: 'x' })
    const long = 'k'.repeat(256)
    for (const key of [long, 'a, b', ['a', 'b'], '', 'k ', ' k']) {
      const refused = await send(request, { metadata: { 'idempotency-key': key } })
      assert.deepEqual(told(refused), ['INVALID_ARGUMENT', 'IDEMPOTENCY_KEY_INVALID'], JSON.stringify(key))
      assert.deepEqual(refused.violations.length, 1)
    }
    for (const key of [long.slice(1), 'a,b', '0', 'with a space', '~!@#$%^&*()']) {
      await contract.send('Echo', request, { metadata: { 'idempotency-key': key } })
    }
  })

  it('knows no unknown method, nor the contract of another project, in the same words', async () => {
    const other = await deed.addProject()
    const stranger = { key: other.adminKey }
    const calls = [
      deed.call(bytesMethod('/test.echo.v1.EchoService/None'), Buffer.alloc(0)),
      deed.call(bytesMethod('/test.echo.v1.None/Echo'), Buffer.alloc(0)),
      deed.call(bytesMethod('/none'), Buffer.alloc(0)),
      deed.call(bytesMethod(path), Buffer.alloc(0), stranger),
      // Nor is anything decoded for one.
      deed.call(bytesMethod(path), Buffer.from('08ff', 'hex'), stranger),
    ]
    const paths = ['/test.echo.v1.EchoService/None', '/test.echo.v1.None/Echo', '/none', path, path]
    for (const [index, call] of calls.entries()) {
      const refused = await refusal(call)
      const own = `The server does not implement the method ${paths[index]}`
      assert.deepEqual([refused.code, refused.details, refused.status], [status.UNIMPLEMENTED, own, undefined])
      assert.deepEqual(Object.keys(refused.trailers), Object.keys((await refusal(calls[0] ?? call)).trailers))
    }
  })

  it('survives connections that break off in the middle of a message', async () => {
    const session = connect(`http://${deed.address}`)
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${contract.key}`,
    })
    stream.on('error', () => {})
    // Announces a hundred bytes and sends three.
    stream.write(Buffer.from([0, 0, 0, 0, 100, 1, 2, 3]))
    await once(session, 'remoteSettings')
    session.destroy()
  })
})

/** A request in which a message holds another, and so on. */
function nested(levels: number): Buffer {
  const parts: Buffer[] = []
  let length = 0
  for (let level = 0; level < levels; level++) {
    const head = Buffer.from([(level === levels - 1 ? 4 << 3 : 1 << 3) | 2, ...varint(length)])
    parts.push(head)
    length += head.length
  }
  return Buffer.concat(parts.reverse())
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]
}
