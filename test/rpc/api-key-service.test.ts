import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { Role } from '../../gen/deed/v1/api_key.ts'
import { ApiKeyServiceService as keys } from '../../gen/deed/v1/api_key_service.ts'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import { refusal } from '../support/call.ts'
import { scripted } from '../support/scripted.ts'
import { startDeed, type TestDeed, within } from '../support/server.ts'

describe('ApiKeyService', () => {
  let deed: TestDeed

  before(async () => {
    deed = await startDeed(scripted(() => '{}').providers)
  })

  after(() => deed[Symbol.asyncDispose]())

  async function make(displayName: string, role: Role = Role.ROLE_CALLER, key = deed.project.adminKey) {
    const { response } = await deed.call(keys.createApiKey, { displayName, role }, { key })
    assert.ok(response.apiKey)
    return { ...response.apiKey, secret: response.secret }
  }

  async function names(pageSize: number, pageToken = '', key = deed.project.adminKey) {
    const { response } = await deed.call(keys.listApiKeys, { pageSize, pageToken }, { key })
    return { names: response.apiKeys.map(({ displayName }) => displayName), next: response.nextPageToken }
  }

  it('makes a key whose secret has 256 random bits and is stored as its SHA-256 only', async () => {
    const made = await make('for the shop')
    assert.match(made.name, /^apiKeys\/[0-9a-f-]{36}$/)
    assert.deepEqual([made.displayName, made.role, made.revokeTime], ['for the shop', Role.ROLE_CALLER, undefined])
    assert.ok(made.createTime && Math.abs(made.createTime.getTime() - Date.now()) < 60_000)
    assert.equal(Buffer.from(made.secret.replace(/^deed_/, ''), 'base64url').length, 32)
    const { rows } = await deed.db.pool.query<{ row: string; hash: Buffer }>(
      'select k::text as row, secret_hash as hash from api_key k where id = $1',
      [made.name.slice('apiKeys/'.length)],
    )
    assert.deepEqual(rows[0]?.hash, createHash('sha256').update(made.secret).digest())
    assert.ok(!rows[0]?.row.includes(made.secret))
    const listContracts = { pageSize: 0, pageToken: '' }
    await deed.call(ContractServiceService.listContracts, listContracts, { key: made.secret })
    assert.notEqual((await make('another')).secret, made.secret)
  })

  it('refuses a key without a role, with one that does not exist, and a name that is too long', async () => {
    for (const [request, violation] of [
      [{ displayName: '', role: Role.ROLE_UNSPECIFIED }, /^role: /],
      [{ displayName: '', role: -1 as Role }, /^role: /],
      [{ displayName: 'x'.repeat(201), role: Role.ROLE_ADMIN }, /^display_name: /],
    ] as const) {
      const refused = await refusal(deed.call(keys.createApiKey, request))
      assert.deepEqual([refused.code, refused.reason], [status.INVALID_ARGUMENT, 'REQUEST_INVALID'])
      assert.match(refused.violations.join(), violation)
    }
  })

  it("lists a project's own keys, newest first, a page at a time", async () => {
    const other = await deed.addProject()
    for (const name of ['one', 'two', 'three']) await make(name, Role.ROLE_VIEWER, other.adminKey)
    const first = await names(2, '', other.adminKey)
    assert.deepEqual(first.names, ['three', 'two'])
    await make('four', Role.ROLE_VIEWER, other.adminKey)
    assert.deepEqual(await names(2, first.next, other.adminKey), { names: ['one', 'admin'], next: '' })
    assert.ok(!(await names(1000)).names.includes('four'))
    for (const token of [`${first.next}x`, Buffer.from('-'.repeat(36)).toString('base64url')]) {
      const refused = await refusal(names(2, token, other.adminKey))
      assert.deepEqual([refused.reason, refused.violations.length], ['REQUEST_INVALID', 1])
    }
  })

  it('revokes a key for good: refused on every replica within a second', async () => {
    await using second = await deed.replica()
    const made = await make('short-lived')
    const list = (server: TestDeed) =>
      server.call(ContractServiceService.listContracts, { pageSize: 0, pageToken: '' }, { key: made.secret })
    await Promise.all([list(deed), list(second)])
    const { response } = await deed.call(keys.revokeApiKey, { name: made.name })
    assert.ok(response.apiKey?.revokeTime)
    const refused = async (server: TestDeed) => {
      const { code, reason } = await refusal(list(server))
      assert.deepEqual([code, reason], [status.UNAUTHENTICATED, 'CREDENTIALS_INVALID'])
    }
    await Promise.all([deed, second].map((server) => within(1_000, () => refused(server))))
    await Promise.all([deed, second].map((server) => refused(server)))
    const again = await deed.call(keys.revokeApiKey, { name: made.name })
    assert.deepEqual(again.response.apiKey, response.apiKey)
  })

  it('does not find what is not there, or is in another project', async () => {
    const other = await deed.addProject()
    const made = await make('of the first')
    const unknown = 'apiKeys/01990000-0000-7000-8000-000000000000'
    for (const call of [
      deed.call(keys.revokeApiKey, { name: unknown }),
      deed.call(keys.revokeApiKey, { name: made.name }, { key: other.adminKey }),
    ]) {
      const refused = await refusal(call)
      assert.deepEqual([refused.code, refused.reason], [status.NOT_FOUND, 'API_KEY_NOT_FOUND'])
    }
    assert.match((await refusal(deed.call(keys.revokeApiKey, { name: 'apiKeys/1' }))).violations.join(), /^name: /)
  })
})
