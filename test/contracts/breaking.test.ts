import assert from 'node:assert/strict'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { breakingChanges } from '../../src/contracts/breaking.ts'
import { compile } from '../support/compile.ts'

async function imageOf(body: string): Promise<Uint8Array> {
  const set = await compile({ 'acme/v1/ask.proto': `syntax = "proto3";\npackage acme.v1;\n${body}` })
  return toBinary(FileDescriptorSetSchema, set)
}

const ask = 'message Ask { string text = 1; int32 size = 2; }\nmessage Other {}\n'

describe('breakingChanges', () => {
  const { signal } = new AbortController()

  const rulesOf = async (from: string, to: string): Promise<string[]> => {
    const [old, image] = await Promise.all([imageOf(from), imageOf(to)])
    return (await breakingChanges(old, image, signal)).map(({ rule }) => rule)
  }

  it('finds nothing in what callers do not notice', async () => {
    const from = `${ask}service AskService { rpc Say(Ask) returns (Ask); }\nservice Gone { rpc Say(Ask) returns (Ask); }`
    const to = `// More.\n${ask.replace('}', 'bool more = 3; }')}service AskService { rpc Say(Ask) returns (Ask); rpc More(Ask) returns (Ask); }`
    assert.deepEqual(await rulesOf(from, to), [])
  })

  it('finds methods that are gone or retyped, and fields that changed on the wire or in JSON', async () => {
    const from = `${ask}service AskService { rpc Say(Ask) returns (Ask); rpc Gone(Ask) returns (Ask); }`
    const to = `${ask.replace('int32 size', 'string length')}service AskService { rpc Say(Ask) returns (Other); }`
    assert.deepEqual((await rulesOf(from, to)).sort(), [
      'FIELD_SAME_JSON_NAME',
      'FIELD_SAME_NAME',
      'FIELD_WIRE_JSON_COMPATIBLE_TYPE',
      'RPC_NO_DELETE',
      'RPC_SAME_RESPONSE_TYPE',
    ])
  })

  it('finds operations that end with another type, or say what they are at in another', async () => {
    const long = (info: string) => `import "google/longrunning/operations.proto"; ${ask}
      service AskService {
        rpc Say(Ask) returns (google.longrunning.Operation) {
          option (google.longrunning.operation_info) = { ${info} };
        }
      }`
    const [old, ...images] = await Promise.all(
      [
        'response_type: "Ask"',
        'response_type: ".acme.v1.Ask", metadata_type: "deed.v1.OperationMetadata"',
        'response_type: "Other"',
        'response_type: "Ask", metadata_type: "Other"',
      ].map((info) => imageOf(long(info))),
    )
    const found = await Promise.all(images.map((image) => breakingChanges(old ?? image, image, signal)))
    const change = 'RPC "Say" on service "AskService" changed its'
    const at = { file: 'acme/v1/ask.proto', line: 7 }
    assert.deepEqual(found, [
      [],
      [
        {
          ...at,
          rule: 'OPERATION_SAME_RESPONSE_TYPE',
          message: `${change} response_type from "acme.v1.Ask" to "acme.v1.Other".`,
        },
      ],
      [
        {
          ...at,
          rule: 'OPERATION_SAME_METADATA_TYPE',
          message: `${change} metadata_type from "deed.v1.OperationMetadata" to "acme.v1.Other".`,
        },
      ],
    ])
    // What it returns is buf's to find.
    const plain = `${ask}service AskService { rpc Say(Ask) returns (Ask); }`
    assert.deepEqual(await rulesOf(plain, long('response_type: "Ask"')), ['RPC_SAME_RESPONSE_TYPE'])
  })

  it('says file, line and cause', async () => {
    const [old, image] = await Promise.all([imageOf(ask), imageOf(ask.replace('int32', 'bool'))])
    const [finding] = await breakingChanges(old, image, signal)
    assert.equal(finding?.file, 'acme/v1/ask.proto')
    assert.equal(finding?.line, 3)
    assert.match(finding?.message ?? '', /"size".*int32.*bool/)
  })

  it('stops with its signal', async () => {
    const image = await imageOf(ask)
    const stopped = AbortSignal.abort(new Error('enough'))
    await assert.rejects(breakingChanges(image, image, stopped), /enough/)
  })
})
