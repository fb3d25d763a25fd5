import assert from 'node:assert/strict'
import { Metadata, Server, type ServiceError, status } from '@grpc/grpc-js'
import type { Role } from '../../src/access/principal.ts'
import { contractRoles, methodRoles, publicMethods } from '../../src/access/roles.ts'
import { ownRegistry } from '../../src/contracts/own-image.ts'
import { bytesMethod } from '../support/call.ts'
import { echo, echoProto } from '../support/echo.ts'
import { scripted } from '../support/scripted.ts'
import { type ContractClient, startDeed, type TestDeed } from '../support/server.ts'

const roles: readonly Role[] = ['admin', 'publisher', 'caller', 'viewer']
const contractPath = '/test.echo.v1.EchoService/Echo'

describe('roles', () => {
  let deed: TestDeed
  let contract: ContractClient
  const keys = new Map<Role | undefined, string | undefined>([[undefined, undefined]])
  const registered = new Set<string>()
  const { addService } = Server.prototype

  before(async () => {
    // grpc-js does not say what is registered: it is noted on the way in.
    Server.prototype.addService = function (service, handlers) {
      for (const { path } of Object.values(service)) registered.add(path)
      return addService.call(this, service, handlers)
    }
    deed = await startDeed(scripted(echo).providers)
    contract = await deed.publish(echoProto)
    for (const role of roles) keys.set(role, await deed.keyFor(role))
  })

  after(async () => {
    Server.prototype.addService = addService
    await deed[Symbol.asyncDispose]()
  })

  it('are stated for each method of the server, and for no other', () => {
    const stated = [...methodRoles.keys(), ...publicMethods, contractPath]
    assert.deepEqual([...registered].sort(), stated.sort())
    const own = [...ownRegistry].flatMap((desc) => (desc.kind === 'service' ? desc.methods : []))
    const described = own.map((method) => `/${method.parent.typeName}/${method.name}`)
    assert.deepEqual(
      stated.filter((path) => path !== contractPath && !described.includes(path)),
      [],
    )
  })

  it('allow what the table says, and nothing else', async () => {
    const wrong: string[] = []
    for (const path of registered) {
      const allowed: readonly (Role | undefined)[] = publicMethods.has(path)
        ? [undefined, ...roles]
        : (methodRoles.get(path) ?? contractRoles)
      for (const [role, key] of keys) {
        const expected = allowed.includes(role)
          ? 'allowed'
          : role === undefined
            ? 'UNAUTHENTICATED'
            : 'PERMISSION_DENIED'
        const got = await probe(path, key)
        if (got !== expected) wrong.push(`${role ?? 'no key'}: ${path} is ${got}, not ${expected}`)
      }
    }
    assert.deepEqual(wrong, [])
    assert.ok(registered.size >= 29)
  })

  it('are what the design gives to whom', () => {
    const may = (role: Role) => [...methodRoles].flatMap(([path, allowed]) => (allowed.includes(role) ? [path] : []))
    const names = (role: Role) => may(role).map((path) => path.slice(path.lastIndexOf('/') + 1))
    const reads = [
      'GetContract',
      'ListContracts',
      'ListContractVersions',
      'WatchOperations',
      'GetProject',
      'ListProjects',
    ]
    const waits = ['ListOperations', 'GetOperation', 'WaitOperation']
    const works = ['SubmitOperation', 'BatchSubmitOperations', 'RetryOperation', 'DeleteOperation', 'CancelOperation']
    const details = ['GetOperation', 'ListOperations', 'ListOperationItems', 'QueryUsage']
    const managing = ['PublishContract', 'ActivateContractVersion', 'DeleteContract']
    assert.deepEqual(names('admin').length, methodRoles.size)
    assert.deepEqual(names('caller').sort(), [...reads, ...waits, ...works].sort())
    assert.deepEqual(names('viewer').sort(), [...reads, ...waits, ...details].sort())
    assert.deepEqual(names('publisher').sort(), [...managing, ...works, ...names('viewer')].sort())
    assert.ok(!contractRoles.includes('viewer'))
  })

  it('say in the refusal which they are', async () => {
    const call = deed.call(bytesMethod(contractPath), Buffer.alloc(0), { key: keys.get('viewer') ?? null })
    await assert.rejects(call, {
      code: status.PERMISSION_DENIED,
      reason: 'ROLE_NOT_ALLOWED',
      info: {
        reason: 'ROLE_NOT_ALLOWED',
        domain: 'deed.v1',
        metadata: { role: 'viewer', method: contractPath.slice(1) },
      },
    })
  })

  /**
   * Sends an empty request to a method of any shape, and says whether it was let in. An empty request changes nothing: the
   * methods that change something refuse it.
   */
  async function probe(path: string, key: string | undefined): Promise<string> {
    const metadata = new Metadata()
    if (key !== undefined) metadata.set('authorization', `Bearer ${key}`)
    const bytes = path === contractPath ? contract.encode('Echo', { text: 'x' }) : Buffer.alloc(0)
    const { requestSerialize, responseDeserialize } = bytesMethod(path)
    const options = { deadline: Date.now() + 10_000 }
    // On the wire a unary call is a stream of one message.
    const call = deed.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options)
    const first = new Promise<status>((resolve) => {
      call.once('data', () => resolve(status.OK))
      call.once('end', () => resolve(status.OK))
      call.on('error', (error: ServiceError) => resolve(error.code))
    })
    call.write(Buffer.from(bytes))
    call.end()
    const code = await first
    // A watch never ends by itself.
    call.cancel()
    const refused = [status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.UNIMPLEMENTED, status.UNKNOWN]
    return refused.includes(code) ? (status[code] ?? '') : 'allowed'
  }
})
