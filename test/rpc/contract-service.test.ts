import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { ContractServiceService as contracts, type PublishContractRequest } from '../../gen/deed/v1/contract_service.ts'
import { refusal } from '../support/call.ts'
import { echo } from '../support/echo.ts'
import { gate, type Script, scripted } from '../support/scripted.ts'
import { type ContractClient, imageOf, startDeed, type TestDeed, within } from '../support/server.ts'

/** A contract of one method; `more` are further fields of its response. */
function sources(name: string, more = '', rest = ''): Record<string, string> {
  const source = `
syntax = "proto3";
package test.${name}.v1;
import "deed/v1/annotations.proto";
service SayService { rpc Say(SayRequest) returns (SayResponse) { option (deed.v1.method).models = "test/one"; } }
message SayRequest { string text = 1; }
message SayResponse { string text = 1; ${more} }
${rest}`
  return { [`test/${name}/v1/say.proto`]: source }
}

describe('ContractService', () => {
  let deed: TestDeed
  let script: Script
  const model = scripted((request, signal) => script(request, signal))

  before(async () => {
    deed = await startDeed(model.providers)
  })

  beforeEach(() => {
    script = echo
  })

  after(() => deed[Symbol.asyncDispose]())

  const publish = (image: Buffer, how: Partial<PublishContractRequest> = {}, key = deed.project.adminKey) =>
    deed.call(contracts.publishContract, { image, allowBreaking: false, validateOnly: false, ...how }, { key })

  async function get(name: string) {
    return (await deed.call(contracts.getContract, { name })).response
  }

  const versionOf = async (client: ContractClient) => {
    const { trailers } = await client.call('Say', {})
    return Number(trailers['deed-contract-version']?.split('/').at(-1))
  }

  it('publishes, activates, and serves at once', async () => {
    const client = await deed.publish(sources('first'))
    const [version] = client.versions
    assert.ok(version)
    const { createTime, ...rest } = version
    assert.ok(createTime)
    assert.deepEqual(rest, {
      name: 'contracts/test.first.v1.SayService/versions/1',
      version: 1,
      active: true,
      digest: createHash('sha256').update(client.image).digest('hex'),
      methods: [
        {
          method: 'test.first.v1.SayService/Say',
          requestType: 'test.first.v1.SayRequest',
          responseType: 'test.first.v1.SayResponse',
          models: ['test/one'],
        },
      ],
    })
    assert.deepEqual((await client.call('Say', { text: 'hello' })).response, { text: 'hello' })
    const got = await get('contracts/test.first.v1.SayService')
    assert.deepEqual(got.version, version)
    assert.ok(got.image.equals(client.image))
    assert.deepEqual([got.contract?.activeVersion, got.contract?.latestVersion], [1, 1])
  })

  it('returns the version that an identical image has, activated', async () => {
    const first = await deed.publish(sources('same'))
    assert.deepEqual((await deed.publish(sources('same'))).versions, first.versions)
    await deed.publish(sources('same', 'string more = 2;'))
    assert.equal(await versionOf(first), 2)
    const { response } = await publish(first.image, { allowBreaking: true })
    assert.deepEqual(response.versions, first.versions)
    assert.equal(await versionOf(first), 1)
    const { contract } = await get('contracts/test.same.v1.SayService')
    assert.deepEqual([contract?.activeVersion, contract?.latestVersion], [1, 2])
  })

  it('refuses what breaks callers of the active version, each change by name, unless that is allowed', async () => {
    await deed.publish(sources('breaking', 'int32 size = 2; string gone = 3;'))
    const broken = await imageOf(sources('breaking', 'string size = 2;'))
    for (const validateOnly of [true, false]) {
      const refused = await refusal(publish(broken, { validateOnly }))
      assert.deepEqual([refused.code, refused.reason], [status.FAILED_PRECONDITION, 'CONTRACT_BREAKING'])
      const subject = 'contracts/test.breaking.v1.SayService/versions/1'
      assert.ok(refused.preconditions.every((one) => one.type === 'BREAKING_CHANGE' && one.subject === subject))
      const changes = refused.preconditions.map(({ description }) => description).join('\n')
      assert.match(changes, /^test\/breaking\/v1\/say\.proto:7: Field "2" .* changed type from "int32" to "string"/m)
      assert.match(changes, /^test\/breaking\/v1\/say\.proto:7: .*"3".*"gone"/m)
    }
    const { response } = await publish(broken, { allowBreaking: true })
    assert.equal(response.versions[0]?.version, 2)
  })

  it('takes long-running methods, and refuses to have them end with another type', async () => {
    const long = (response: string) => ({
      'test/long/v1/long.proto': `syntax = "proto3";
        package test.long.v1;
        import "google/longrunning/operations.proto";
        service LongService {
          rpc Read(ReadRequest) returns (google.longrunning.Operation) {
            option (google.longrunning.operation_info) = { response_type: "${response}" };
          }
        }
        message ReadRequest { string text = 1; }
        message ReadResponse { string text = 1; }
        message Other { string text = 1; }`,
    })
    const { versions } = await deed.publish(long('ReadResponse'))
    assert.equal(versions[0]?.methods[0]?.responseType, 'test.long.v1.ReadResponse')
    const other = await imageOf(long('Other'))
    const refused = await refusal(publish(other))
    assert.equal(refused.reason, 'CONTRACT_BREAKING')
    assert.deepEqual(refused.preconditions, [
      {
        type: 'BREAKING_CHANGE',
        subject: 'contracts/test.long.v1.LongService/versions/1',
        description:
          'test/long/v1/long.proto:5: RPC "Read" on service "LongService" changed its response_type from "test.long.v1.ReadResponse" to "test.long.v1.Other".',
      },
    ])
    const { response } = await publish(other, { allowBreaking: true })
    assert.equal(response.versions[0]?.methods[0]?.responseType, 'test.long.v1.Other')
  })

  it('stores nothing when it only validates', async () => {
    const image = await imageOf(sources('only'))
    const { response } = await publish(image, { validateOnly: true })
    assert.deepEqual([response.versions[0]?.version, response.versions[0]?.active], [1, false])
    assert.equal((await refusal(get('contracts/test.only.v1.SayService'))).reason, 'CONTRACT_NOT_FOUND')
    const { rows } = await deed.db.pool.query(`select 1 from contract_version where contract like 'test.only%'`)
    assert.equal(rows.length, 0)
    await deed.publish(sources('only'))
    const next = await publish(await imageOf(sources('only', 'string more = 2;')), { validateOnly: true })
    assert.deepEqual([next.response.versions[0]?.version, next.response.versions[0]?.active], [2, false])
    assert.equal((await get('contracts/test.only.v1.SayService')).contract?.latestVersion, 1)
    assert.equal((await publish(image, { validateOnly: true })).response.versions[0]?.version, 1)
  })

  it('rolls back: on another replica within a second, while what runs keeps its version', async () => {
    await using second = await deed.replica()
    const first = await deed.publish(sources('rollback'))
    const there = first.at(second.call)
    await within(1_000, async () => assert.equal(await versionOf(there), 1))
    await deed.publish(sources('rollback', 'string more = 2;'))
    await within(1_000, async () => assert.equal(await versionOf(there), 2))

    const finish = gate<string>()
    const started = gate()
    script = () => {
      started.resolve()
      return finish.promise
    }
    const how = { metadata: { 'idempotency-key': 'running' } }
    const running = first.call('Say', { text: 'x' }, how)
    await started.promise
    script = echo
    const name = 'contracts/test.rollback.v1.SayService/versions/1'
    const { response } = await deed.call(contracts.activateContractVersion, { name })
    assert.deepEqual([response.contract?.activeVersion, response.contract?.latestVersion], [1, 2])
    assert.equal(await versionOf(first), 1)
    await within(1_000, async () => assert.equal(await versionOf(there), 1))

    finish.resolve('{"text":"late","more":"of version 2"}')
    const { trailers } = await running
    assert.equal(trailers['deed-contract-version'], 'contracts/test.rollback.v1.SayService/versions/2')
    const again = await there.call('Say', { text: 'x' }, how)
    assert.equal(again.trailers['deed-contract-version'], 'contracts/test.rollback.v1.SayService/versions/2')
    assert.equal(again.trailers['deed-replayed'], 'true')
  })

  it('takes a contract out of service everywhere, and never uses its numbers again', async () => {
    await using second = await deed.replica()
    const name = 'contracts/test.gone.v1.SayService'
    const first = await deed.publish(sources('gone'))
    await deed.publish(sources('gone', 'string more = 2;'))
    const there = first.at(second.call)
    await within(1_000, async () => assert.equal(await versionOf(there), 2))
    const deleted = await deed.call(contracts.deleteContract, { name })
    assert.deepEqual(deleted.response, {})
    const refused = async (client: ContractClient) => {
      const { code, details } = await refusal(client.call('Say', {}))
      assert.deepEqual(
        [code, details],
        [status.UNIMPLEMENTED, 'The server does not implement the method /test.gone.v1.SayService/Say'],
      )
    }
    await refused(first)
    await within(1_000, () => refused(there))
    for (const call of [() => deed.call(contracts.deleteContract, { name }), () => get(name)])
      assert.equal((await refusal(call())).reason, 'CONTRACT_NOT_FOUND')
    const third = await deed.publish(sources('gone', 'string other = 2;'))
    assert.equal(third.versions[0]?.version, 3)
    assert.equal(await versionOf(first), 3)
    // An old version is there to go back to.
    await deed.call(contracts.activateContractVersion, { name: `${name}/versions/1` })
    assert.equal(await versionOf(first), 1)
  })

  it('serves each project its own shape and version of a service', async () => {
    const other = await deed.addProject()
    const ours = await deed.publish(sources('shared'))
    await deed.publish(sources('shared', 'string more = 2;'))
    const theirs = await deed.publish(
      {
        'other/file.proto': `
        syntax = "proto3"; package test.shared.v1;
        service SayService { rpc Say(Number) returns (Number); rpc Also(Number) returns (Number); }
        message Number { int64 number = 1; }`,
      },
      { key: other.adminKey },
    )
    // Whatever is asked: each in the form of its own contract.
    script = ({ method }) => (method.input.name === 'Number' ? '{"number":"7"}' : '{"text":"seven"}')
    assert.deepEqual((await theirs.call('Say', { number: '1' })).response, { number: '7' })
    assert.deepEqual((await theirs.call('Also', { number: '1' })).response, { number: '7' })
    assert.deepEqual((await ours.call('Say', { text: '1' })).response, { text: 'seven' })
    assert.deepEqual([await versionOf(ours), await versionOf(theirs)], [2, 1])
    assert.equal((await refusal(theirs.call('Also', {}, { key: deed.project.adminKey }))).code, status.UNIMPLEMENTED)
    await deed.call(contracts.deleteContract, { name: 'contracts/test.shared.v1.SayService' })
    assert.equal((await refusal(ours.call('Say', {}))).code, status.UNIMPLEMENTED)
    assert.equal(await versionOf(theirs), 1)
  })

  it('publishes all services of an image or none', async () => {
    const two = 'service MoreService { rpc More(SayRequest) returns (SayResponse); }'
    const client = await deed.publish(sources('two', '', two))
    assert.deepEqual(
      client.versions.map(({ name }) => name),
      ['contracts/test.two.v1.SayService/versions/1', 'contracts/test.two.v1.MoreService/versions/1'],
    )
    const half = 'service OtherService {}'
    const refused = await refusal(publish(await imageOf(sources('half', '', half))))
    assert.deepEqual(refused.violations.length, 1)
    assert.equal((await refusal(get('contracts/test.half.v1.SayService'))).code, status.NOT_FOUND)
  })

  it('lets many publish at once', async () => {
    const images = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => imageOf(sources('rival', `string ${name} = 2;`))),
    )
    const published = await Promise.allSettled(images.map((image) => publish(image, { allowBreaking: true })))
    const numbers = published.flatMap((result) =>
      result.status === 'fulfilled' ? result.value.response.versions.map(({ version }) => version) : [],
    )
    assert.deepEqual(numbers.sort(), [1, 2, 3, 4])
  })

  it("lists a project's contracts by name, and a contract's versions, a page at a time", async () => {
    const { adminKey: key } = await deed.addProject()
    for (const name of ['lc', 'la', 'lb']) await deed.publish(sources(name), { key })
    for (const more of ['string b = 2;', 'string b = 2; string c = 3;'])
      await deed.publish(sources('la', more), { key })
    const list = async (pageSize: number, pageToken = '') =>
      (await deed.call(contracts.listContracts, { pageSize, pageToken }, { key })).response
    const first = await list(2)
    assert.deepEqual(
      first.contracts.map((contract) => [contract.name, contract.activeVersion]),
      [
        ['contracts/test.la.v1.SayService', 3],
        ['contracts/test.lb.v1.SayService', 1],
      ],
    )
    const last = await list(2, first.nextPageToken)
    assert.deepEqual(
      [last.contracts.map(({ name }) => name), last.nextPageToken],
      [['contracts/test.lc.v1.SayService'], ''],
    )
    assert.equal((await list(3)).nextPageToken, '')

    const parent = 'contracts/test.la.v1.SayService'
    const versions = async (pageSize: number, pageToken = '') =>
      (await deed.call(contracts.listContractVersions, { parent, pageSize, pageToken }, { key })).response
    const newest = await versions(2)
    assert.deepEqual(
      newest.versions.map(({ version, active, methods }) => [version, active, methods.length]),
      [
        [3, true, 1],
        [2, false, 1],
      ],
    )
    const oldest = await versions(2, newest.nextPageToken)
    assert.deepEqual([oldest.versions.map(({ version }) => version), oldest.nextPageToken], [[1], ''])

    const tokens = [
      'x',
      first.nextPageToken.slice(1),
      `${first.nextPageToken}=`,
      Buffer.from("' or 1").toString('base64url'),
    ]
    for (const token of tokens) {
      const refused = await refusal(list(2, token))
      assert.deepEqual([refused.code, refused.reason], [status.INVALID_ARGUMENT, 'REQUEST_INVALID'])
      assert.match(refused.violations.join(), /^page_token: /)
      assert.equal((await refusal(versions(2, token))).reason, 'REQUEST_INVALID')
    }
    for (const size of [-1, 1001]) assert.match((await refusal(list(size))).violations.join(), /^page_size: /)
    for (const name of ['contracts/a', 'contracts/test.la.v1.SayService/versions/9']) {
      assert.equal((await refusal(deed.call(contracts.getContract, { name }, { key }))).reason, 'CONTRACT_NOT_FOUND')
    }
    assert.equal((await refusal(get(parent))).reason, 'CONTRACT_NOT_FOUND')
  })
})
