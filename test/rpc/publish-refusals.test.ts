import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { ContractServiceService as contracts } from '../../gen/deed/v1/contract_service.ts'
import { refusal } from '../support/call.ts'
import { scripted } from '../support/scripted.ts'
import { imageOf, startDeed, type TestDeed } from '../support/server.ts'

const imports = ['buf/validate/validate', 'deed/v1/annotations', 'google/longrunning/operations', 'google/protobuf/any']
  .map((name) => `import "${name}.proto";`)
  .join(' ')

function source(body: string, pkg = 'acme.v1'): Record<string, string> {
  return { 'acme/v1/ask.proto': `syntax = "proto3"; package ${pkg}; ${imports}\n${body}` }
}

describe('PublishContract refuses', () => {
  let deed: TestDeed

  before(async () => {
    deed = await startDeed(scripted(() => '{}').providers)
  })

  after(() => deed[Symbol.asyncDispose]())

  async function refused(image: Uint8Array) {
    const request = { image: Buffer.from(image), allowBreaking: true, validateOnly: false }
    const error = await refusal(deed.call(contracts.publishContract, request))
    assert.equal(error.code, status.INVALID_ARGUMENT)
    const { response } = await deed.call(contracts.listContracts, { pageSize: 0, pageToken: '' })
    assert.deepEqual(response.contracts, [])
    return error
  }

  async function faults(sources: Record<string, string>): Promise<string[]> {
    const error = await refused(await imageOf(sources))
    assert.equal(error.reason, 'CONTRACT_INVALID')
    return error.violations.map((violation) => violation.replace('image: acme/v1/ask.proto: ', ''))
  }

  it('five different faults, with all five', async () => {
    const found = await faults(
      source(
        `service AskService {
          rpc Down(Ask) returns (stream google.longrunning.Operation);
          rpc Say(Ask) returns (Ask) { option (deed.v1.method).max_output_tokens = 0; }
        }
        message Ask {
          google.protobuf.Any any = 1;
          string text = 2 [(buf.validate.field).cel = { id: "text", expression: "this.gone" }];
        }`,
        'grpc.acme',
      ),
    )
    assert.equal(found.length, 5, found.join('\n'))
    for (const about of [
      /is reserved/,
      /without streams only/,
      /max_output_tokens/,
      /google\.protobuf\.Any/,
      /^line 8: .*"text"/,
    ])
      assert.equal(found.filter((fault) => about.test(fault)).length, 1, `${about}\n${found.join('\n')}`)
  })

  it('streams of operations and operations that do not say what they end with, each by name', async () => {
    assert.deepEqual(
      await faults(
        source(`service AskService {
          rpc Down(Ask) returns (stream google.longrunning.Operation);
          rpc Long(Ask) returns (google.longrunning.Operation);
        }
        message Ask {}`),
      ),
      [
        'acme.v1.AskService.Down: a google.longrunning.Operation is returned by a method without streams only: leave "stream" out, or return a stream of items',
        'acme.v1.AskService.Long: does not say what it ends with: option (google.longrunning.operation_info) = { response_type: "LongResponse" }',
      ],
    )
  })

  it("packages that are not the publisher's", async () => {
    const body = 'service AskService { rpc Say(Ask) returns (Ask); } message Ask {}'
    for (const pkg of ['google', 'google.ask.v1', 'grpc.health.v1']) {
      assert.deepEqual(await faults(source(body, pkg)), [`${pkg}.AskService: the package ${pkg} is reserved`])
    }
    const [first] = await faults(source(body, 'deed.v9'))
    assert.equal(first, 'deed.v9.AskService: the package deed.v9 is reserved')
  })

  it('what is no image, or has no service', async () => {
    assert.match((await refused(Buffer.alloc(0))).violations.join(), /^image: /)
    for (const bytes of [Buffer.from('not an image'), Buffer.from('ff', 'hex'), Buffer.from('0a7f0a', 'hex')]) {
      const error = await refused(bytes)
      assert.equal(error.reason, 'CONTRACT_INVALID')
      assert.equal(error.violations.length, 1)
    }
    assert.deepEqual(await faults(source('message Ask {}')), ['image: the image has no service of its own'])
  })

  it('more faults than fit into a reply, and says how many more there are', async () => {
    const methods = Array.from({ length: 300 }, (_, index) => `rpc Method${index}(Ask) returns (google.protobuf.Any);`)
    const error = await refused(await imageOf(source(`service AskService { ${methods.join(' ')} } message Ask {}`)))
    assert.match(error.details, /300 faults/)
    const shown = error.violations.length - 1
    assert.equal(error.violations.at(-1), `: ${300 - shown} more are not shown`)
    assert.ok(shown > 10)
  })
})
