import assert from 'node:assert/strict'
import { fromBinary, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { OperationMetadata } from '../../gen/deed/v1/operation.ts'
import { checkImage } from '../../src/contracts/check.ts'
import { parseAnswer } from '../../src/contracts/codec.ts'
import { readImage } from '../../src/contracts/image.ts'
import { loadContracts, type Method } from '../../src/contracts/method.ts'
import { ownRegistry } from '../../src/contracts/own-image.ts'
import { systemText } from '../../src/models/prompt.ts'
import { responseSchema } from '../../src/models/schema.ts'
import { compile } from '../support/compile.ts'

const imports = [
  'buf/validate/validate',
  'google/longrunning/operations',
  'google/protobuf/any',
  'google/protobuf/timestamp',
]
const option = '(google.longrunning.operation_info)'
const start = 'acme.support.v1.Reports'

/** A service with a method for each response_type and metadata_type, called M0, M1, … */
function reports(types: readonly (readonly [response: string, metadata?: string])[], body: string, syntax = 'proto3') {
  const methods = types.map(([response, metadata = ''], index) => {
    const info = `{ response_type: "${response}" metadata_type: "${metadata}" }`
    return `rpc M${index}(Ask) returns (google.longrunning.Operation) { option ${option} = ${info}; }`
  })
  return sourceOf(`message Ask { optional string text = 1; } service Reports { ${methods.join('\n')} } ${body}`, syntax)
}

function sourceOf(body: string, syntax = 'proto3'): Record<string, string> {
  const lines = [...imports, 'acme/other/v1/other'].map((name) => `import "${name}.proto";`)
  return {
    'acme/support/v1/ask.proto': `syntax = "${syntax}"; package acme.support.v1; ${lines.join(' ')} ${body}`,
    'acme/other/v1/other.proto': 'syntax = "proto3"; package acme.other.v1; message Thing { string name = 1; }',
  }
}

async function faultsOf(input: Record<string, string> | FileDescriptorSet): Promise<string[]> {
  const set = '$typeName' in input ? (input as FileDescriptorSet) : await compile(input as Record<string, string>)
  const faults = await checkImage(readImage(toBinary(FileDescriptorSetSchema, set)), AbortSignal.timeout(20_000))
  return faults.map(({ file, element, cause }) =>
    [file.replace('acme/support/v1/ask.proto', '·'), element, cause.replaceAll(option, '…')].join(': '),
  )
}

async function methodsOf(sources: Record<string, string>): Promise<Method[]> {
  const image = readImage(toBinary(FileDescriptorSetSchema, await compile(sources)))
  return loadContracts(image, () => 1).flatMap(({ methods }) => [...methods.values()])
}

describe('a long-running method', () => {
  const answers = `
    message Outer { message Answer { string text = 1 [(buf.validate.field).string.min_len = 2]; } }
    message Plain { string text = 1; }`
  const types = [
    ['Plain'],
    ['Outer.Answer'],
    ['acme.support.v1.Plain'],
    ['.acme.support.v1.Plain'],
    ['acme.other.v1.Thing'],
    ['other.v1.Thing'],
    // Not imported.
    ['google.protobuf.Struct'],
    ['google.protobuf.Empty'],
  ] as const

  it('has the response that operation_info names, as protobuf resolves names', async () => {
    const sources = reports(types, answers)
    assert.deepEqual(await faultsOf(sources), [])
    const methods = await methodsOf(sources)
    assert.deepEqual(
      methods.map(({ output }) => output.typeName),
      [
        'acme.support.v1.Plain',
        'acme.support.v1.Outer.Answer',
        'acme.support.v1.Plain',
        'acme.support.v1.Plain',
        'acme.other.v1.Thing',
        'acme.other.v1.Thing',
        'google.protobuf.Struct',
        'google.protobuf.Empty',
      ],
    )
    assert.ok(methods.every(({ desc, longRunning }) => longRunning && desc.output.typeName.endsWith('.Operation')))
  })

  it('is told and held to that response', async () => {
    const [, method] = await methodsOf(reports(types, answers))
    assert.ok(method)
    assert.deepEqual(Object.keys(responseSchema(method).properties ?? {}), ['text'])
    assert.match(systemText(method), /Reports\.M1/)
    assert.equal(parseAnswer(method, '{"text": "ok"}').kind, 'valid')
    assert.equal(parseAnswer(method, '{"text": "o"}').kind, 'invalid')
    assert.equal(parseAnswer(method, '{"done": true}').kind, 'invalid')
  })

  it('takes the nearest of types with one name', async () => {
    const sources = {
      'a.proto': 'syntax = "proto3"; package acme; message Done { int32 far = 1; } message Far {}',
      'b.proto': `syntax = "proto3"; package acme.v1; import "a.proto"; import "${imports[1]}.proto";
        message Ask {} message Done {} service S {
          rpc M0(Ask) returns (google.longrunning.Operation) { option ${option} = { response_type: "Done" }; }
          rpc M1(Ask) returns (google.longrunning.Operation) { option ${option} = { response_type: "Far" }; }
        }`,
    }
    assert.deepEqual(await faultsOf(sources), [])
    const names = (await methodsOf(sources)).map(({ output }) => output.typeName)
    assert.deepEqual(names, ['acme.v1.Done', 'acme.Far'])
  })

  it('works in proto2', async () => {
    const sources = reports(
      [['Report', 'State']],
      'message Report { required string text = 1; } message State { optional string model = 1; }',
      'proto2',
    )
    assert.deepEqual(await faultsOf(sources), [])
    const [method] = await methodsOf(sources)
    assert.ok(method)
    assert.equal(parseAnswer(method, '{}').kind, 'invalid')
    assert.equal(parseAnswer(method, '{"text": ""}').kind, 'valid')
  })

  it('is refused without a type that a model can fill, with what would be right', async () => {
    const loop = 'message Loop { Loop loop = 1 [(buf.validate.field).required = true]; }'
    const body = `${answers} enum Mood { MOOD_UNSPECIFIED = 0; } message Holder { google.protobuf.Any any = 1; } ${loop}`
    const wrong = ['', 'Plane', 'Thing', 'type.googleapis.com/acme.support.v1.Plain', 'Mood', 'Reports']
    const unfit = ['google.protobuf.Timestamp', 'google.protobuf.Any', 'google.longrunning.Operation', 'Holder', 'Loop']
    const far = 'google.protobuf.StringValue'
    const [missing] = await faultsOf(
      sourceOf('service Reports { rpc Say(Ask) returns (google.longrunning.Operation); } message Ask {}'),
    )
    assert.equal(
      missing,
      `·: ${start}.Say: does not say what it ends with: option … = { response_type: "SayResponse" }`,
    )
    assert.deepEqual(
      await faultsOf(
        reports(
          [...wrong, ...unfit, far].map((name) => [name]),
          body,
        ),
      ),
      [
        `·: ${start}.M0: ….response_type: is required: option … = { response_type: "M0Response" }`,
        `·: ${start}.M1: ….response_type: there is no message Plane in the image: name a message of the image`,
        `·: ${start}.M2: ….response_type: there is no message Thing in the image: did you mean "acme.other.v1.Thing"?`,
        `·: ${start}.M3: ….response_type: there is no message type.googleapis.com/acme.support.v1.Plain in the image: did you mean "acme.support.v1.Plain"?`,
        `·: ${start}.M4: ….response_type: acme.support.v1.Mood is no message: name a message of the image`,
        `·: ${start}.M5: ….response_type: acme.support.v1.Reports is no message: name a message of the image`,
        `·: ${start}.M8: ….response_type: an operation cannot end with another`,
        `·: ${start}.M11: ….response_type: there is no message ${far} in the image: name a message of the image`,
        `·: ${start}.M6: its response google.protobuf.Timestamp is no JSON object: put it into a message of its own`,
        `·: ${start}.M7: its response is a google.protobuf.Any`,
        '·: acme.support.v1.Holder.any: a model cannot read or fill a google.protobuf.Any: use a oneof or a Struct',
        '·: acme.support.v1.Loop: requires itself, so no message can ever be complete',
      ],
    )
  })

  it('is refused when its response reaches too much, or its rules do not compile', async () => {
    const chain = Array.from({ length: 1_001 }, (_, index) => `message C${index} { C${index + 1} next = 1; }`)
    const long = reports([['C0']], `message C1001 {} ${chain.join(' ')}`)
    assert.deepEqual(await faultsOf(long), [`·: ${start}.M0: its response reaches more than 1000 message types`])
    const rule = '(buf.validate.field).cel = { id: "text", expression: "this.gone" }'
    const [fault] = await faultsOf(reports([['Wrong']], `message Wrong { string text = 1 [${rule}]; }`))
    assert.match(fault ?? '', /^·: line 1: /)
  })

  it('is the only place for an operation', async () => {
    const operation = 'google.longrunning.Operation'
    const faults = await faultsOf(
      sourceOf(`service Reports { rpc Ask(${operation}) returns (In); rpc Down(In) returns (stream ${operation}); }
        message In { ${operation} operation = 1; }`),
    )
    assert.deepEqual(faults.slice(0, 2), [
      `·: ${start}.Down: a ${operation} is returned by a method without streams only: leave "stream" out, or return a stream of items`,
      `·: ${start}.Ask: its request is a ${operation}, which only a response can be`,
    ])
    assert.ok(faults.slice(2).every((fault) => /a model cannot read or fill a google\.protobuf\.Any/.test(fault)))
    assert.equal(faults.length, 5, faults.join('\n'))
  })

  it('is refused with a changed copy of what clients know', async () => {
    const sources = reports(
      [['Plain', 'When']],
      `${answers} message When { google.protobuf.Timestamp accept_time = 1; }`,
    )
    const changes: [file: string, type: string, change: (set: FileDescriptorSet) => void][] = [
      ['google/longrunning/operations.proto', 'google.longrunning.Operation', (set) => rename(set, 'Operation')],
      [
        'google/longrunning/operations.proto',
        'google.longrunning.OperationInfo',
        (set) => rename(set, 'OperationInfo'),
      ],
      ['google/rpc/status.proto', 'google.rpc.Status', (set) => rename(set, 'Status')],
    ]
    for (const [file, type, change] of changes) {
      const set = await compile(sources)
      change(set)
      assert.deepEqual(await faultsOf(set), [`${file}: ${type}: is not the ${type} that clients know`])
    }
    for (const type of ['Any', 'Timestamp']) {
      const set = await compile(sources)
      rename(set, type)
      const file = `google/protobuf/${type.toLowerCase()}.proto`
      const element = `google.protobuf.${type}`
      assert.deepEqual(await faultsOf(set), [`${file}: ${element}: is not the google.protobuf type of that name`])
    }
  })

  function rename(set: FileDescriptorSet, message: string): void {
    const types = set.file
      .filter(({ package: pkg }) => pkg.startsWith('google.'))
      .flatMap(({ messageType }) => messageType)
    const field = types.find(({ name }) => name === message)?.field[0]
    assert.ok(field)
    field.name = 'other'
  }
})

describe('the metadata of operations', () => {
  const of = OperationMetadata.fromPartial({
    state: 3,
    method: 'acme.support.v1.Reports/M0',
    contractVersion: 'contracts/acme.support.v1.Reports/versions/1',
    attempts: 2,
    acceptTime: new Date('2026-01-31T09:30:00Z'),
  })

  /** What the metadata of a method of this metadata_type says, and its type. */
  async function saidAs(metadata: string, body = '', syntax = 'proto3') {
    const sources = reports([['Ask', metadata]], body, syntax)
    assert.deepEqual(await faultsOf(sources), [])
    const [method] = await methodsOf(sources)
    assert.ok(method?.longRunning)
    const { typeUrl, value } = method.longRunning.metadata(of)
    const name = typeUrl.replace(/^type\.googleapis\.com\//, '')
    const desc = method.registry.getMessage(name) ?? ownRegistry.getMessage(name)
    assert.ok(desc, typeUrl)
    const json: JsonValue = toJson(desc, fromBinary(desc, value))
    return { name, json }
  }

  const all = {
    state: 'OPERATION_STATE_RUNNING',
    method: of.method,
    contractVersion: of.contractVersion,
    attempts: 2,
    acceptTime: '2026-01-31T09:30:00Z',
  }

  it("is Deed's own, named or not, whether the image has it or not", async () => {
    for (const type of ['', 'deed.v1.OperationMetadata', '.deed.v1.OperationMetadata']) {
      assert.deepEqual(await saidAs(type), { name: 'deed.v1.OperationMetadata', json: all })
    }
  })

  it('is all of it in a Struct, and nothing in an Empty', async () => {
    assert.deepEqual(await saidAs('google.protobuf.Struct'), { name: 'google.protobuf.Struct', json: all })
    assert.deepEqual(await saidAs('google.protobuf.Empty'), { name: 'google.protobuf.Empty', json: {} })
  })

  it('fills the fields of a type that have its names and take its values', async () => {
    const own = `message Progress {
      optional string model = 11;
      int64 attempts = 12 [json_name = "tries"];
      string state = 13;
      google.protobuf.Timestamp accept_time = 14;
      string percent = 15;
      repeated string method = 16;
      bool contract_version = 17;
    }`
    const json = { tries: '2', state: all.state, acceptTime: all.acceptTime }
    assert.deepEqual(await saidAs('Progress', own), { name: 'acme.support.v1.Progress', json })
  })

  it('takes an enum that has the names of the states, and no other', async () => {
    const names = ['READY', 'WAITING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED']
    const values = names.map((name, index) => `OPERATION_STATE_${name} = ${index + 10};`)
    const own = `message Progress { State state = 1; string accept_time = 2; bytes method = 3;
      oneof other { string contract_version = 4; uint32 attempts = 5; }
      enum State { NO_STATE = 0; ${values.join(' ')} } }`
    const { json } = await saidAs('Progress', own)
    assert.deepEqual(json, { state: all.state, acceptTime: all.acceptTime })
    const fewer = own.replace('OPERATION_STATE_READY = 10;', '')
    assert.deepEqual((await saidAs('Progress', fewer)).json, { acceptTime: all.acceptTime })
  })

  it('writes what a type of proto2 requires, even when there is nothing to say', async () => {
    const own =
      'message Progress { required string model = 1; required int32 attempts = 2; optional string retry_of = 3; }'
    assert.deepEqual((await saidAs('Progress', own, 'proto2')).json, { model: '', attempts: 2 })
  })

  it('is refused in a type that Deed cannot write', async () => {
    const types = ['google.protobuf.Any', 'google.protobuf.Timestamp', 'Mood', 'Nothing', 'Owned', 'Late']
    const body = `enum Mood { MOOD_UNSPECIFIED = 0; } message Owned { required string owner = 1; }
      message Late { required string method = 1; required google.protobuf.Timestamp settle_time = 2; }`
    const advice =
      'name a message with fields, google.protobuf.Struct, google.protobuf.Empty, or leave metadata_type out'
    assert.deepEqual(
      await faultsOf(
        reports(
          types.map((type) => ['Ask', type]),
          body,
          'proto2',
        ),
      ),
      [
        `·: ${start}.M0: ….metadata_type: google.protobuf.Any is no JSON object: ${advice}`,
        `·: ${start}.M1: ….metadata_type: google.protobuf.Timestamp is no JSON object: ${advice}`,
        `·: ${start}.M2: ….metadata_type: acme.support.v1.Mood is no message: name a message of the image`,
        `·: ${start}.M3: ….metadata_type: there is no message Nothing in the image: name a message of the image`,
        `·: ${start}.M4: ….metadata_type: acme.support.v1.Owned requires owner, which Deed does not always fill: make it optional`,
        `·: ${start}.M5: ….metadata_type: acme.support.v1.Late requires settle_time, which Deed does not always fill: make it optional`,
      ],
    )
  })
})
