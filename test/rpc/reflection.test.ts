import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Client, credentials, Metadata, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js'
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService,
} from '../../gen/grpc/reflection/v1/reflection.ts'
import type { ReflectionView } from '../../src/rpc/reflection/answerer.ts'
import { addReflection } from '../../src/rpc/reflection.ts'
import { compile } from '../support/compile.ts'

type Ask = ServerReflectionRequest['messageRequest']

const v1 = ServerReflectionService.serverReflectionInfo

describe('reflection', () => {
  const server = new Server()
  let view: ReflectionView
  let address: string
  let reflection: { close(): void }

  before(async () => {
    view = new Map([
      ['shop.v1.OrderService', await registryOf('orders', 'string id = 1; string note = 2;')],
      ['shop.v1.RefundService', await registryOf('refunds', 'string id = 1;')],
    ])
    reflection = addReflection(server, async (metadata) => {
      const [key] = metadata.get('authorization')
      if (key === 'Bearer wrong') {
        const trailers = new Metadata()
        trailers.set('reason', 'test')
        throw Object.assign(new Error(), { code: status.UNAUTHENTICATED, details: 'no such key', metadata: trailers })
      }
      if (key === 'Bearer broken') throw new Error('a secret of the database')
      return key === undefined ? new Map() : view
    })
    const bind = promisify(server.bindAsync.bind(server))
    address = `127.0.0.1:${await bind('127.0.0.1:0', ServerCredentials.createInsecure())}`
  })

  after(() => server.forceShutdown())

  /** One stream of reflection, which is closed when the scope is left. */
  function connect({ key = 'Bearer right', version = 'v1' }: { key?: string; version?: string } = {}) {
    const client = new Client(address, credentials.createInsecure())
    const metadata = new Metadata()
    if (key !== '') metadata.set('authorization', key)
    const path = v1.path.replace('.v1.', `.${version}.`)
    const options = { deadline: Date.now() + 5_000 }
    const stream = client.makeBidiStreamRequest(path, v1.requestSerialize, v1.responseDeserialize, metadata, options)
    const failed = new Promise<ServiceError>((resolve) => stream.on('error', resolve))
    return {
      stream,
      failed,
      async ask(messageRequest: Ask): Promise<ServerReflectionResponse['messageResponse']> {
        stream.write({ host: 'test', messageRequest })
        const answered = new Promise<ServerReflectionResponse>((resolve) => stream.once('data', resolve))
        const response = await Promise.race([answered, failed.then((error) => Promise.reject(error))])
        assert.deepEqual(response.originalRequest, { host: 'test', messageRequest })
        return response.messageResponse
      },
      [Symbol.dispose]() {
        stream.cancel()
        client.close()
      },
    }
  }

  for (const version of ['v1', 'v1alpha']) {
    it(`lists a project's services and Deed's own, over ${version}`, async () => {
      using caller = connect({ version })
      const names = namesIn(await caller.ask({ $case: 'listServices', value: '*' }))
      assert.ok(names.includes('shop.v1.OrderService'))
      assert.ok(names.includes('shop.v1.RefundService'))
      assert.ok(names.includes('deed.v1.ContractService'))
      assert.ok(names.includes('grpc.health.v1.Health'))
      assert.ok(names.includes(`grpc.reflection.${version}.ServerReflection`))
    })
  }

  it('shows only public services without credentials', async () => {
    using caller = connect({ key: '' })
    const names = namesIn(await caller.ask({ $case: 'listServices', value: '*' }))
    assert.ok(names.includes('deed.v1.ContractService'))
    assert.deepEqual(
      names.filter((name) => !/^(deed|grpc|google\.longrunning)\./.test(name)),
      [],
    )
    assert.equal(
      errorIn(await caller.ask({ $case: 'fileContainingSymbol', value: 'shop.v1.OrderService' })),
      status.NOT_FOUND,
    )
    assert.equal(
      errorIn(await caller.ask({ $case: 'fileByFilename', value: 'shop/v1/orders.proto' })),
      status.NOT_FOUND,
    )
  })

  it('sends a file with all its imports, and an import only once in a stream', async () => {
    using caller = connect()
    const first = filesIn(await caller.ask({ $case: 'fileContainingSymbol', value: 'shop.v1.OrderService' }))
    assert.deepEqual(
      first.map(({ name }) => name),
      ['shop/v1/orders.proto', 'shop/v1/item.proto', 'google/protobuf/timestamp.proto'],
    )
    assert.ok(linked(first).getService('shop.v1.OrderService'))
    assert.ok((first[0]?.sourceCodeInfo?.location.length ?? 0) > 0)
    const again = filesIn(await caller.ask({ $case: 'fileContainingSymbol', value: 'shop.v1.OrderService' }))
    assert.deepEqual(
      again.map(({ name }) => name),
      ['shop/v1/orders.proto'],
    )
  })

  it('resolves imports within the contract that was asked for', async () => {
    for (const [service, hasNote] of [
      ['shop.v1.OrderService', true],
      ['shop.v1.RefundService', false],
    ] as const) {
      using caller = connect()
      const registry = linked(filesIn(await caller.ask({ $case: 'fileContainingSymbol', value: service })))
      const fields = registry.getMessage('shop.v1.Item')?.fields
      assert.equal(
        fields?.some(({ name }) => name === 'note'),
        hasNote,
      )
      const [item] = filesIn(await caller.ask({ $case: 'fileByFilename', value: 'shop/v1/item.proto' }))
      assert.equal(
        item?.messageType[0]?.field.some(({ name }) => name === 'note'),
        hasNote,
      )
    }
  })

  it('sends an import again when the next contract has another of its name', async () => {
    using caller = connect()
    await caller.ask({ $case: 'fileContainingSymbol', value: 'shop.v1.OrderService' })
    const second = filesIn(await caller.ask({ $case: 'fileContainingSymbol', value: 'shop.v1.RefundService' }))
    assert.deepEqual(
      second.map(({ name }) => name),
      ['shop/v1/refunds.proto', 'shop/v1/item.proto'],
    )
  })

  it('finds members of types, and refuses what is not there', async () => {
    using caller = connect()
    const has = [
      'OrderService.Send',
      'Item',
      'Item.id',
      'Item.choice',
      'Item.Kind',
      'Item.KIND_UNSPECIFIED',
      'TOP_NONE',
    ]
    for (const symbol of has) {
      assert.equal(
        errorIn(await caller.ask({ $case: 'fileContainingSymbol', value: `shop.v1.${symbol}` })),
        undefined,
        symbol,
      )
    }
    const hasNot = [
      '',
      '.',
      'shop',
      'shop.v1',
      'shop.v1.OrderService.Sent',
      'shop.v1.Item.ids',
      'shop.v1.TOP',
      '__proto__',
    ]
    for (const symbol of hasNot) {
      assert.equal(
        errorIn(await caller.ask({ $case: 'fileContainingSymbol', value: symbol })),
        status.NOT_FOUND,
        symbol,
      )
    }
    assert.equal(errorIn(await caller.ask({ $case: 'fileByFilename', value: 'shop/v1/none.proto' })), status.NOT_FOUND)
    assert.equal(errorIn(await caller.ask(undefined)), status.INVALID_ARGUMENT)
  })

  it('finds extensions', async () => {
    using caller = connect()
    const response = await caller.ask({ $case: 'allExtensionNumbersOfType', value: 'google.protobuf.MethodOptions' })
    assert.ok(response?.$case === 'allExtensionNumbersResponse')
    const [extensionNumber] = response.value.extensionNumber
    assert.ok(extensionNumber)
    const containingType = 'google.protobuf.MethodOptions'
    const [file] = filesIn(
      await caller.ask({ $case: 'fileContainingExtension', value: { containingType, extensionNumber } }),
    )
    assert.equal(file?.name, 'deed/v1/annotations.proto')
    const none = { containingType, extensionNumber: 49_999 }
    assert.equal(errorIn(await caller.ask({ $case: 'fileContainingExtension', value: none })), status.NOT_FOUND)
    assert.equal(
      errorIn(await caller.ask({ $case: 'allExtensionNumbersOfType', value: 'shop.v1.None' })),
      status.NOT_FOUND,
    )
  })

  it('ends a stream with the status that authentication gave', async () => {
    using caller = connect({ key: 'Bearer wrong' })
    const error = await caller.failed
    assert.deepEqual([error.code, error.details], [status.UNAUTHENTICATED, 'no such key'])
    assert.deepEqual(error.metadata.get('reason'), ['test'])
  })

  it('says nothing of what it did not expect', async () => {
    using caller = connect({ key: 'Bearer broken' })
    const error = await caller.failed
    assert.deepEqual([error.code, error.details], [status.INTERNAL, 'reflection failed'])
  })

  it('answers all of many requests whose caller reads late, and then ends', async () => {
    using caller = connect()
    const count = 300
    const messageRequest = { $case: 'fileByFilename', value: 'deed/v1/contract_service.proto' } as const
    for (let asked = 0; asked < count; asked++) caller.stream.write({ host: '', messageRequest })
    caller.stream.end()
    let answered = 0
    for await (const response of caller.stream) {
      assert.equal(filesIn(response.messageResponse)[0]?.name, messageRequest.value)
      answered++
    }
    assert.equal(answered, count)
  })

  it('survives a message that is none', async () => {
    const client = new Client(address, credentials.createInsecure())
    const same = (bytes: Buffer) => bytes
    const stream = client.makeBidiStreamRequest(v1.path, same, same)
    stream.resume()
    stream.write(Buffer.from('ffffffff', 'hex'))
    const [error] = (await once(stream, 'error')) as [ServiceError]
    assert.equal(error.code, status.INTERNAL)
    client.close()
    using caller = connect()
    assert.ok(namesIn(await caller.ask({ $case: 'listServices', value: '' })).length > 0)
  })

  it('serves buf curl', async () => {
    const buf = fileURLToPath(new URL('bin/buf', import.meta.resolve('@bufbuild/buf/package.json')))
    const args = [
      'curl',
      '--protocol',
      'grpc',
      '--http2-prior-knowledge',
      '-H',
      'authorization: Bearer right',
      '--reflect-header',
      '*',
    ]
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, [buf, ...args, '--list-methods', `http://${address}`], {
      timeout: 20_000,
    })
    const methods = stdout.split('\n')
    assert.ok(methods.includes('shop.v1.OrderService/Send'))
    assert.ok(methods.includes('shop.v1.RefundService/Send'))
    assert.ok(methods.includes('deed.v1.ContractService/PublishContract'))
    // The method is in the contract and not on the server: buf curl got as far as calling it.
    const call = run(
      process.execPath,
      [buf, ...args, '-d', '{"kind":"KIND_UNSPECIFIED"}', `http://${address}/shop.v1.OrderService/Send`],
      { timeout: 20_000 },
    )
    await assert.rejects(call, /unimplemented/)
  })

  it('ends open streams when it is closed, and each later one', async () => {
    using caller = connect()
    await caller.ask({ $case: 'listServices', value: '' })
    reflection.close()
    assert.equal((await caller.failed).code, status.UNAVAILABLE)
    using late = connect()
    assert.equal((await late.failed).code, status.UNAVAILABLE)
    await promisify(server.tryShutdown.bind(server))()
  })
})

/** A contract whose item.proto has these fields. */
async function registryOf(name: string, fields: string): Promise<FileRegistry> {
  const service = name === 'orders' ? 'OrderService' : 'RefundService'
  const set = await compile({
    [`shop/v1/${name}.proto`]: `syntax = "proto3"; package shop.v1; import "shop/v1/item.proto";
      // Sends things.
      service ${service} { rpc Send(Item) returns (Item); }`,
    'shop/v1/item.proto': `syntax = "proto3"; package shop.v1; import "google/protobuf/timestamp.proto";
      enum Top { TOP_NONE = 0; }
      message Item {
        ${fields}
        oneof choice { google.protobuf.Timestamp at = 8; Kind kind = 9; }
        enum Kind { KIND_UNSPECIFIED = 0; }
      }`,
  })
  return createFileRegistry(set)
}

function namesIn(response: ServerReflectionResponse['messageResponse']): string[] {
  assert.ok(response?.$case === 'listServicesResponse')
  return response.value.service.map(({ name }) => name)
}

function filesIn(response: ServerReflectionResponse['messageResponse']) {
  assert.ok(response?.$case === 'fileDescriptorResponse')
  return response.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
}

function errorIn(response: ServerReflectionResponse['messageResponse']): status | undefined {
  return response?.$case === 'errorResponse' ? response.value.errorCode : undefined
}

function linked(files: ReturnType<typeof filesIn>): FileRegistry {
  const [first] = files
  assert.ok(first)
  return createFileRegistry(first, (name) => files.find((file) => file.name === name))
}
