import assert from 'node:assert/strict'
import type { JsonValue } from '@bufbuild/protobuf'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { refusal } from '../support/call.ts'
import { FakeAnthropic, type Script } from '../support/fake-anthropic.ts'
import { kinds, kindsJson } from '../support/kinds.ts'
import { type ContractClient, startDeed, type TestDeed } from '../support/server.ts'

const sources = {
  'test/kinds/v1/kinds.proto': kinds,
  'test/old/v1/old.proto': `
syntax = "proto2";
package test.old.v1;
service OldService { rpc Echo(Old) returns (Old); }
message Old {
  required string name = 1;
  optional int64 big = 2 [default = 7];
  optional Level level = 3 [default = LEVEL_HIGH];
  repeated uint32 packed = 4 [packed = true];
  optional group Part = 5 { required bool on = 1; optional Old inner = 2; }
  enum Level { LEVEL_LOW = 1; LEVEL_HIGH = 2; }
  extensions 100 to 200;
}
extend Old { optional string extra = 100; }
`,
  'test/edition/v1/edition.proto': `
edition = "2023";
package test.edition.v1;
service EditionService { rpc Echo(Edition) returns (Edition); }
message Edition {
  string explicit = 1;
  string implicit = 2 [features.field_presence = IMPLICIT];
  string required = 3 [features.field_presence = LEGACY_REQUIRED];
  repeated int32 expanded = 4 [features.repeated_field_encoding = EXPANDED];
  Edition delimited = 5 [features.message_encoding = DELIMITED];
  Closed closed = 6;
  enum Closed { option features.enum_type = CLOSED; CLOSED_A = 1; CLOSED_B = 2; }
}
`,
  'test/rules/v1/rules.proto': `
syntax = "proto3";
package test.rules.v1;
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
service RulesService { rpc Check(Rules) returns (Rules); }
message Rules {
  option (buf.validate.message).cel = { id: "order", message: "from must be before to", expression: "!has(this.from) || !has(this.to) || this.from < this.to" };
  google.protobuf.Timestamp from = 1;
  google.protobuf.Timestamp to = 2;
  int64 amount = 3 [(buf.validate.field).int64 = { gte: 1, lt: 9007199254740993 }];
  repeated string tags = 4 [(buf.validate.field).repeated = { unique: true, max_items: 3, items: { string: { min_len: 2 } } }];
  map<string, uint64> totals = 5 [(buf.validate.field).map = { keys: { string: { pattern: "^[a-z]+$" } }, values: { uint64: { gt: 0 } } }];
  google.protobuf.Duration wait = 6 [(buf.validate.field).duration = { lte: { seconds: 60 } }];
  Kind kind = 7 [(buf.validate.field).enum = { defined_only: true, not_in: [0] }];
  oneof choice { option (buf.validate.oneof).required = true; string one = 8; int32 two = 9; }
  optional string mail = 10 [(buf.validate.field).string.email = true];
  Rules inner = 11;
}
enum Kind { KIND_UNSPECIFIED = 0; KIND_A = 1; }
`,
}

/** Every field, in the normal form of protobuf's JSON mapping: fractions of a second in threes. */
const everything = { ...kindsJson, duration: '-1.500s', time: '2026-02-28T23:59:59.500Z' }

const valid = {
  from: '2026-01-01T00:00:00Z',
  to: '2026-01-02T00:00:00Z',
  amount: '9007199254740992',
  tags: ['aa', 'bb'],
  totals: { x: '18446744073709551615' },
  wait: '60s',
  kind: 'KIND_A',
  two: 0,
  mail: 'ada@example.com',
}

describe('field kinds', () => {
  let deed: TestDeed
  let contract: ContractClient
  let script: Script | undefined
  const vendor = new FakeAnthropic({ respond: () => script ?? {} })

  before(async () => {
    await vendor.start()
    const providers = new Map([['test', createAnthropic({ apiKey: 'a key', baseUrl: vendor.url })]])
    deed = await startDeed(providers)
    contract = await deed.publish(sources)
  })

  beforeEach(() => {
    script = undefined
  })

  after(async () => {
    await deed[Symbol.asyncDispose]()
    await vendor[Symbol.asyncDispose]()
  })

  /** What the vendor was sent as the request, and what came back when it answered that. */
  async function there(method: string, request: JsonValue, answer: JsonValue): Promise<JsonValue> {
    script = { json: answer }
    const { response } = await contract.call(method, request)
    return response
  }

  function shown(): unknown {
    const [turn] = vendor.requests.at(-1)?.body.messages ?? []
    return JSON.parse(turn?.content.replace(/^<request>\n|\n<\/request>$/g, '') ?? '')
  }

  it('come back as they were answered, each of them', async () => {
    const method = 'test.kinds.v1.KindService/Echo'
    assert.deepEqual(await there(method, kindsJson, kindsJson), everything)
    assert.deepEqual(subset(shown(), everything), everything)
  })

  it('are taken in the form that the schema asks for: entries for maps, JSON text where anything may stand', async () => {
    const method = 'test.kinds.v1.KindService/Echo'
    const { labels, byNumber, byBool, counts, struct, value, list, ...others } = kindsJson
    const entries = (map: object) => Object.entries(map).map(([key, entry]) => ({ key, value: entry }))
    const asked = {
      ...others,
      ...{ labels: entries(labels), byNumber: entries(byNumber), byBool: entries(byBool), counts: entries(counts) },
      ...{ struct: JSON.stringify(struct), value: JSON.stringify(value), list: JSON.stringify(list) },
    }
    assert.deepEqual(await there(method, {}, asked), everything)
  })

  for (const method of [
    'test.kinds.v1.KindService/Echo',
    'test.old.v1.OldService/Echo',
    'test.edition.v1.EditionService/Echo',
  ]) {
    it(`have a schema that a vendor takes and whose least answer is valid: ${method}`, async () => {
      const request = method.includes('old') ? { name: 'x' } : method.includes('edition') ? { required: 'x' } : {}
      const asked = vendor.requests.length
      const { response } = await contract.call(method, request)
      assert.equal(vendor.requests.length, asked + 1)
      assert.ok(Object.keys(response ?? {}).length > 0)
    })
  }

  it('of proto2 keep presence, defaults, groups and extensions', async () => {
    const method = 'test.old.v1.OldService/Echo'
    const full = { name: 'n', big: '-1', level: 'LEVEL_LOW', packed: [1, 2], part: { on: true, inner: { name: '' } } }
    assert.deepEqual(await there(method, { ...full, '[test.old.v1.extra]': 'more' }, full), full)
    assert.deepEqual(await there(method, { name: 'n' }, { name: 'n' }), { name: 'n' })
    // A required field of the request is the wire format's own rule.
    const refused = await refusal(contract.send(method, Buffer.alloc(0)))
    assert.equal(refused.reason, 'REQUEST_INVALID')
    script = { json: { big: '1' } }
    assert.equal((await refusal(contract.call(method, { name: 'n' }))).reason, 'ANSWER_INVALID')
  })

  it('of editions keep their features', async () => {
    const method = 'test.edition.v1.EditionService/Echo'
    const full = {
      explicit: '',
      implicit: 'i',
      required: 'r',
      expanded: [3],
      delimited: { required: '' },
      closed: 'CLOSED_B',
    }
    assert.deepEqual(await there(method, full, full), full)
    assert.deepEqual(await there(method, full, { ...full, implicit: '' }), without(full, 'implicit'))
    script = { json: without(full, 'required') }
    assert.equal((await refusal(contract.call(method, full))).reason, 'ANSWER_INVALID')
  })

  it('keep every rule, in the request and in the answer', async () => {
    const method = 'test.rules.v1.RulesService/Check'
    assert.deepEqual(await there(method, valid, { ...valid, inner: valid }), { ...valid, inner: valid })
    const broken: [string, Record<string, JsonValue>][] = [
      ['', { from: valid.to, to: valid.from }],
      ['amount', { amount: '9007199254740993' }],
      ['tags', { tags: ['aa', 'aa'] }],
      ['tags[1]', { tags: ['aa', 'b'] }],
      ['totals["X"]', { totals: { X: '1' } }],
      ['totals["x"]', { totals: { x: '0' } }],
      ['wait', { wait: '60.000000001s' }],
      ['kind', { kind: 'KIND_UNSPECIFIED' }],
      ['mail', { mail: 'nobody' }],
      ['inner.amount', { inner: { ...valid, amount: '0' } }],
    ]
    for (const [field, change] of broken) {
      const request = await refusal(contract.call(method, { ...valid, ...change }))
      assert.equal(request.reason, 'REQUEST_INVALID', field)
      script = { json: { ...valid, ...change } }
      const answer = await refusal(contract.call(method, valid))
      assert.equal(answer.reason, 'ANSWER_INVALID', field)
      for (const { violations } of [request, answer])
        assert.deepEqual(
          violations.map((violation) => violation.split(': ')[0]),
          [field],
          violations.join(),
        )
    }
    script = { json: without(valid, 'two') }
    assert.match((await refusal(contract.call(method, valid))).violations.join(), /^choice: /)
  })
})

function without(json: Record<string, JsonValue>, name: string): Record<string, JsonValue> {
  return Object.fromEntries(Object.entries(json).filter(([key]) => key !== name))
}

/** The part of a value that has the keys of another. */
function subset(value: unknown, like: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(like)) return value.map((item, index) => subset(item, like[index]))
  if (!isObject(value) || !isObject(like)) return value
  return Object.fromEntries(Object.keys(like).map((key) => [key, subset(value[key], like[key])]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
