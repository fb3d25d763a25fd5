import assert from 'node:assert/strict'
import { status as codes, Metadata } from '@grpc/grpc-js'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import { Authenticator } from '../../src/access/authenticate.ts'
import type { UnaryCall } from '../../src/rpc/call.ts'
import type { WireError } from '../../src/rpc/errors.ts'
import { type Interceptor, intercept, interceptors } from '../../src/rpc/interceptors.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { bytesMethod, refusal } from '../support/call.ts'
import { echo, echoProto } from '../support/echo.ts'
import { silent } from '../support/operations.ts'
import { scripted } from '../support/scripted.ts'
import { startDeed, type TestDeed } from '../support/server.ts'

describe('interceptors', () => {
  let deed: TestDeed

  before(async () => {
    deed = await startDeed(scripted(echo).providers)
    await deed.publish(echoProto)
  })

  after(() => deed[Symbol.asyncDispose]())

  it('have the order that is stated', () => {
    const chain = interceptors(silent, new Authenticator(deed.db.pool))
    assert.deepEqual([...chain.keys()], ['trace', 'status', 'authenticate', 'authorize', 'size'])
  })

  it('are passed from the first to the last', async () => {
    const passed: string[] = []
    const named = ['first', 'second'].map((name): Interceptor => {
      return (next) => (call) => {
        passed.push(name)
        return next(call)
      }
    })
    const handler = intercept(named, async () => ({ response: Buffer.from(passed.join()) }))
    const { response } = await handler(emptyCall())
    assert.equal(String(response), 'first,second')
  })

  const own = ContractServiceService.publishContract.path
  const tooLarge = Buffer.alloc(5_000_000, 0xff)
  for (const path of ['/test.echo.v1.EchoService/Echo', own]) {
    it(`ask who, may they, how large, what is in it, in this order: ${path}`, async () => {
      const send = (bytes: Buffer, key: string | null) => refusal(deed.call(bytesMethod(path), bytes, { key }))
      const [admin, viewer] = [deed.project.adminKey, await deed.keyFor('viewer')]
      const refused = [
        await send(tooLarge, null),
        await send(tooLarge, 'wrong'),
        await send(tooLarge, viewer),
        await send(tooLarge, admin),
        await send(tooLarge.subarray(0, 100), viewer),
        await send(tooLarge.subarray(0, 100), admin),
      ]
      assert.deepEqual(
        refused.map(({ code, reason }) => [codes[code], reason]),
        [
          ['UNAUTHENTICATED', 'CREDENTIALS_MISSING'],
          ['UNAUTHENTICATED', 'CREDENTIALS_INVALID'],
          ['PERMISSION_DENIED', 'ROLE_NOT_ALLOWED'],
          ['RESOURCE_EXHAUSTED', 'REQUEST_TOO_LARGE'],
          ['PERMISSION_DENIED', 'ROLE_NOT_ALLOWED'],
          ['INVALID_ARGUMENT', 'REQUEST_MALFORMED'],
        ],
      )
    })
  }

  it('turn what is not expected into INTERNAL with an id that the log has too', async () => {
    const lines: string[] = []
    const log = createLog('error', { write: (line: string) => void lines.push(line) })
    const status = interceptors(log, new Authenticator(deed.db.pool)).get('status')
    assert.ok(status)
    const failing = status(() => Promise.reject(new Error('a table is missing')))
    await assert.rejects(failing(emptyCall()), (error: WireError) => {
      assert.equal(error.code, codes.INTERNAL)
      const id = /^an internal error; the server logged it under the id (\S+)$/.exec(error.details)?.[1]
      const [logged] = lines.map((line) => JSON.parse(line))
      assert.ok(id)
      assert.deepEqual([logged.id, logged.method, logged.err.message], [id, 'a.B/C', 'a table is missing'])
      return true
    })
  })
})

function emptyCall(): UnaryCall {
  return {
    path: '/a.B/C',
    metadata: new Metadata(),
    request: Buffer.alloc(0),
    deadlineMs: Number.POSITIVE_INFINITY,
    signal: AbortSignal.timeout(10_000),
    context: ROOT_CONTEXT,
    principal: undefined,
  }
}
