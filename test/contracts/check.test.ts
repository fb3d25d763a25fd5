import assert from 'node:assert/strict'
import { toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { checkImage } from '../../src/contracts/check.ts'
import { readImage } from '../../src/contracts/image.ts'
import { compile } from '../support/compile.ts'
import { kinds } from '../support/kinds.ts'

const imports = ['buf/validate/validate', 'deed/v1/annotations', 'google/longrunning/operations']
const known = ['any', 'duration', 'struct', 'timestamp', 'wrappers'].map((name) => `google/protobuf/${name}`)

function sourceOf(body: string, pkg = 'acme.v1', syntax = 'syntax = "proto3"'): string {
  const lines = [...imports, ...known].map((name) => `import "${name}.proto";`)
  return [`${syntax};`, pkg && `package ${pkg};`, ...lines, body].join('\n')
}

async function faultsOf(input: string | FileDescriptorSet): Promise<string[]> {
  const set = typeof input === 'string' ? await compile({ 'acme/v1/ask.proto': input }) : input
  const faults = await checkImage(readImage(toBinary(FileDescriptorSetSchema, set)), AbortSignal.timeout(20_000))
  return faults.map(({ file, element, cause }) => [file.replace('acme/v1/ask.proto', '·'), element, cause].join(': '))
}

describe('checkImage', () => {
  it('accepts every kind of field', async () => {
    assert.deepEqual(await faultsOf(kinds), [])
  })

  it('accepts every shape of method, but no stream with operations', async () => {
    const [operation, method] = ['google.longrunning.Operation', '·: acme.v1.AskService']
    const source = sourceOf(`
      service AskService {
        rpc Up(stream Ask) returns (Ask);
        rpc Down(Ask) returns (stream Ask);
        rpc Both(stream Ask) returns (stream Ask);
        rpc Fine(Ask) returns (Ask);
        rpc LongUp(stream Ask) returns (${operation});
        rpc LongDown(Ask) returns (stream ${operation});
        rpc LongBoth(stream Ask) returns (stream ${operation});
      }
      message Ask {}`)
    const cause = `a ${operation} is returned by a method without streams only`
    assert.deepEqual(await faultsOf(source), [
      `${method}.LongUp: ${cause}: return the response itself, or take one request`,
      `${method}.LongDown: ${cause}: leave "stream" out, or return a stream of items`,
      `${method}.LongBoth: ${cause}: return a stream of responses, or take one request and return one operation`,
    ])
  })

  it('takes a cache_ttl for a method with a single response, and of a service for its others', async () => {
    const source = sourceOf(`
      service AskService {
        option (deed.v1.service).cache_ttl = {seconds: 60};
        rpc Down(Ask) returns (stream Ask) { option (deed.v1.method).cache_ttl = {seconds: 1}; }
        rpc Both(stream Ask) returns (stream Ask);
        rpc Fine(Ask) returns (Ask) { option (deed.v1.method).cache_ttl = {seconds: 2592000}; }
        rpc Long(Ask) returns (Ask) { option (deed.v1.method).cache_ttl = {seconds: 2592001}; }
        rpc None(Ask) returns (Ask) { option (deed.v1.method).cache_ttl = {}; }
      }
      message Ask {}`)
    const faults = await faultsOf(source)
    assert.deepEqual(
      faults.filter((fault) => fault.includes('cache_ttl')),
      [
        '·: acme.v1.AskService.Down: (deed.v1.method).cache_ttl: only for methods with a single response',
        '·: acme.v1.AskService.Long: (deed.v1.method).cache_ttl: must be greater than 0s and less than or equal to 2592000s',
        '·: acme.v1.AskService.None: (deed.v1.method).cache_ttl: must be greater than 0s and less than or equal to 2592000s',
      ],
    )
  })

  it('refuses an image without services, a missing package and reserved ones', async () => {
    assert.deepEqual(await faultsOf(sourceOf('message Ask {}')), [': : the image has no service of its own'])
    const body = 'service AskService { rpc Say(Ask) returns (Ask); } message Ask {}'
    assert.deepEqual(await faultsOf(sourceOf(body, '')), ['·: AskService: the file has no package'])
    for (const pkg of ['grpc', 'google.ask.v1', 'grpc.v1']) {
      assert.deepEqual(await faultsOf(sourceOf(body, pkg)), [`·: ${pkg}.AskService: the package ${pkg} is reserved`])
    }
    assert.deepEqual(await faultsOf(sourceOf(body, 'googles.v1')), [])
    assert.deepEqual(await faultsOf(sourceOf(body, 'deed.v2')), [
      '·: deed.v2.AskService: the package deed.v2 is reserved',
      '·: : is not a file of Deed, and the package deed is reserved',
    ])
    assert.deepEqual(await faultsOf(sourceOf('service Empty {}')), ['·: acme.v1.Empty: the service has no method'])
  })

  it('refuses types that a model cannot fill', async () => {
    const source = sourceOf(`
      service AskService { rpc Say(Ask) returns (Answer); rpc When(Ask) returns (google.protobuf.Timestamp); }
      message Ask { repeated Inner inner = 1; }
      message Inner { google.protobuf.Any any = 1; }
      message Answer { map<string, Loop> loops = 1; }
      message Loop { Again again = 1 [(buf.validate.field).required = true]; }
      message Again { Loop loop = 1 [(buf.validate.field).required = true]; Loop other = 2; }`)
    assert.deepEqual(await faultsOf(source), [
      '·: acme.v1.AskService.When: its response google.protobuf.Timestamp is no JSON object: put it into a message of its own',
      '·: acme.v1.Inner.any: a model cannot read or fill a google.protobuf.Any: use a oneof or a Struct',
      '·: acme.v1.Loop: requires itself, so no message can ever be complete',
      '·: acme.v1.Again: requires itself, so no message can ever be complete',
    ])
  })

  it('refuses fields that JSON could take for each other', async () => {
    const source = sourceOf(`
      service AskService { rpc Say(Ask) returns (Ask); }
      message Ask { string one = 1 [json_name = "two"]; string two = 2 [json_name = "one"]; string own = 3; }`)
    assert.deepEqual(await faultsOf(source), [
      '·: acme.v1.Ask.one: has the name of two as its JSON name',
      '·: acme.v1.Ask.two: has the name of one as its JSON name',
    ])
  })

  it('refuses altered copies of the types and files that Deed knows', async () => {
    const source = sourceOf(
      'service S { rpc Say(Ask) returns (Ask); } message Ask { google.protobuf.Timestamp time = 1; }',
    )
    const set = await compile({ 'acme/v1/ask.proto': source })
    const fieldOf = (name: string) => set.file.find((file) => file.name === name)?.messageType[0]?.field[0]
    const [seconds, instructions] = [fieldOf('google/protobuf/timestamp.proto'), fieldOf('deed/v1/annotations.proto')]
    assert.ok(seconds && instructions)
    seconds.name = 'minutes'
    instructions.name = 'hints'
    assert.deepEqual(await faultsOf(set), [
      'google/protobuf/timestamp.proto: google.protobuf.Timestamp: is not the google.protobuf type of that name',
      'deed/v1/annotations.proto: : is not the copy that this Deed has',
    ])
  })

  it('refuses options that break their own rules, or that this Deed does not know', async () => {
    const source = sourceOf(`
      service AskService {
        option (deed.v1.service) = { models: ["nonsense"], timeout: {} };
        rpc Say(Ask) returns (Ask) {
          option (deed.v1.method) = {
            timeout: { seconds: 1 }, attempt_timeout: { seconds: 2 }, queue_timeout: { seconds: 2 }, max_failures: 0
          };
        }
      }
      message Ask { string text = 1 [(deed.v1.field).instructions = "Short."]; }`)
    const set = await compile({ 'acme/v1/ask.proto': source })
    const options = set.file.find(({ name }) => name === 'acme/v1/ask.proto')?.messageType[0]?.field[0]?.options
    assert.ok(options)
    // A field of FieldGuidance that does not exist yet: number 9, a varint.
    options.$unknown = [{ no: 51717, wireType: 2, data: Uint8Array.of(2, 9 << 3, 1) }]
    assert.deepEqual(await faultsOf(set), [
      '·: acme.v1.AskService: (deed.v1.service).models[0]: does not match regex pattern `^[a-z0-9-]+/[A-Za-z0-9._:/-]+$`',
      '·: acme.v1.AskService: (deed.v1.service).timeout: must be greater than 0s and less than or equal to 86400s',
      '·: acme.v1.AskService.Say: (deed.v1.method).max_failures: must be greater than or equal to 1 and less than or equal to 20',
      '·: acme.v1.AskService.Say: (deed.v1.method).attempt_timeout: must not be longer than timeout',
      '·: acme.v1.AskService.Say: (deed.v1.method).queue_timeout: must not be longer than timeout',
      '·: acme.v1.Ask.text: (deed.v1.field): this Deed does not know its field 9',
    ])
  })

  it('refuses examples that are no valid messages of their method, or that a service has', async () => {
    const source = (text: string) =>
      sourceOf(`
      service AskService {
        ${text}
        rpc Say(Ask) returns (Answer) {
          option (deed.v1.method) = {
            examples: { request: '{"text": "Why?"}', response: '{"words": 1}' }
            examples: { request: '{"txt": "x"}', response: '{"words": -1}' }
            examples: { request: '{"', response: '{"words": "many"}' }
          };
        }
      }
      message Ask { string text = 1; }
      message Answer { int32 words = 1 [(buf.validate.field).int32.gte = 0]; }`)
    const at = '·: acme.v1.AskService.Say: (deed.v1.method).examples'
    assert.deepEqual(await faultsOf(source('')), [
      `${at}[1].request: has no field "txt"`,
      `${at}[1].response: words: must be greater than or equal to 0`,
      `${at}[2].request: is not one JSON value (at position 2)`,
      `${at}[2].response: words: must be an integer from -2147483648 to 2147483647`,
    ])
    const shared = `option (deed.v1.service).examples = { request: '{}', response: '{}' };`
    assert.deepEqual(await faultsOf(source(shared)), [
      '·: acme.v1.AskService: (deed.v1.service).examples: belong to a method, since each has messages of its own',
    ])
    const streamed = source('').replace('returns (Answer)', 'returns (stream Answer)')
    assert.deepEqual(await faultsOf(streamed), [
      `${at}[0].response: must be a JSON array of the items of the stream`,
      `${at}[1].request: has no field "txt"`,
      `${at}[1].response: must be a JSON array of the items of the stream`,
      `${at}[2].request: is not one JSON value (at position 2)`,
      `${at}[2].response: must be a JSON array of the items of the stream`,
    ])
  })

  it('refuses rules that do not compile, all of them, with their lines', async () => {
    const source = sourceOf(`
      service AskService { rpc Say(Ask) returns (Ask); }
      message Ask {
        option (buf.validate.message).cel = { id: "ask.gone", expression: "this.gone > 1" };
        string text = 1 [(buf.validate.field).int32.gt = 0];
        string code = 2 [(buf.validate.field).string.pattern = "(["];
        repeated Part parts = 3;
      }
      message Part { int32 size = 1 [(buf.validate.field).cel = { id: "part.size", expression: "this >" }]; }`)
    const faults = await faultsOf(source)
    const lines = faults.map((fault) => /^·: line (\d+): /.exec(fault)?.[1])
    assert.deepEqual(lines.sort(), ['14', '15', '16', '19'], faults.join('\n'))
  })

  it('lists faults of every kind at once', async () => {
    const source = sourceOf(
      `
      service AskService {
        rpc Down(Ask) returns (stream google.longrunning.Operation);
        rpc Say(Ask) returns (Ask) { option (deed.v1.method).max_output_tokens = 0; }
      }
      message Ask {
        google.protobuf.Any any = 1;
        string text = 2 [(buf.validate.field).cel = { id: "text", expression: "this.gone" }];
      }`,
      'google.acme',
    )
    const faults = await faultsOf(source)
    assert.equal(faults.length, 5, faults.join('\n'))
  })

  it('refuses a method that reaches very many types, at once', async () => {
    const types = Array.from({ length: 1_001 }, (_, index) => `message M${index} { M${index + 1} next = 1; }`)
    const source = sourceOf(`service S { rpc Say(M0) returns (M1001); } message M1001 {} ${types.join(' ')}`)
    assert.deepEqual(await faultsOf(source), ['·: acme.v1.S.Say: its request reaches more than 1000 message types'])
  })

  it('accepts proto2 and editions, groups and extensions', async () => {
    const proto2 = `
      service S { rpc Say(M) returns (M); }
      message M { required string a = 1; optional group Part = 2 { optional M inner = 1; } extensions 10 to 20; }
      extend M { optional int32 extra = 10; }`
    assert.deepEqual(await faultsOf(sourceOf(proto2, 'acme.v1', 'syntax = "proto2"')), [])
    assert.deepEqual(
      await faultsOf(
        sourceOf('service S { rpc Say(M) returns (M); } message M { M m = 1; }', 'acme.v1', 'edition = "2023"'),
      ),
      [],
    )
  })
})
