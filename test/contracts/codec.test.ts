import assert from 'node:assert/strict'
import { create, fromBinary, fromJson, type JsonObject, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { decodeRequest, parseAnswer } from '../../src/contracts/codec.ts'
import type { Method } from '../../src/contracts/method.ts'
import { DeedError, type Reason } from '../../src/errors/deed-error.ts'
import { kinds, kindsJson } from '../support/kinds.ts'
import { methodOf } from '../support/methods.ts'

function refusal(run: () => unknown): DeedError {
  try {
    run()
  } catch (error) {
    if (error instanceof DeedError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

function violationsOf(method: Method, json: JsonValue | string): Record<string, string> {
  const answer = parseAnswer(method, typeof json === 'string' ? json : JSON.stringify(json))
  assert.equal(answer.kind, 'invalid')
  return Object.fromEntries(answer.violations.map(({ field, description }) => [field, description]))
}

const rules = `
syntax = "proto3";
package test.rules.v1;
import "buf/validate/validate.proto";
service OrderService { rpc Check(Order) returns (Order); }
message Order {
  option (buf.validate.message).cel = { id: "order.total", expression: "this.total >= 0 ? '' : 'total is ' + string(this.total)" };
  repeated Item items = 1 [(buf.validate.field).repeated.max_items = 3];
  map<string, string> labels = 2 [(buf.validate.field).map.values.string.min_len = 2];
  int32 total = 3;
  int32 count = 4 [(buf.validate.field).cel = { id: "order.count", expression: "this == 0 || 10 / (this - 1) > 0" }];
}
message Item { int32 price = 1 [(buf.validate.field).int32.gt = 0]; }
`

const secrets = `
syntax = "proto3";
package test.secrets.v1;
import "buf/validate/validate.proto";
service SecretService { rpc Keep(Person) returns (Person); }
message Person {
  option (buf.validate.message).cel = { id: "person.short", expression: "size(this.password) < 9 ? '' : this.password + ' is long'" };
  string password = 1 [
    debug_redact = true,
    (buf.validate.field).string.max_len = 8,
    (buf.validate.field).cel = { id: "password.case", expression: "this == this.lowerAscii() ? '' : this + ' has capitals'" }
  ];
  map<string, Note> notes = 2 [debug_redact = true];
  string name = 3 [(buf.validate.field).cel = { id: "name.case", expression: "this == this.lowerAscii() ? '' : this + ' has capitals'" }];
}
message Note { string text = 1 [(buf.validate.field).string.max_len = 2]; }
`

describe('decodeRequest', () => {
  let method: Method
  let order: Method
  let secret: Method

  before(async () => {
    ;[method, order, secret] = await Promise.all([methodOf(kinds), methodOf(rules), methodOf(secrets)])
  })

  const malformed = (bytes: Uint8Array): string => {
    const error = refusal(() => decodeRequest(method, bytes))
    assert.equal(error.reason, 'REQUEST_MALFORMED' satisfies Reason)
    return error.message
  }

  it('decodes every kind of field', () => {
    const message = fromJson(method.input, kindsJson)
    const decoded = decodeRequest(method, toBinary(method.input, message))
    assert.deepEqual(toJson(method.input, decoded), toJson(method.input, message))
  })

  it('keeps unknown fields', () => {
    const bytes = new BinaryWriter()
      .tag(1000, WireType.LengthDelimited)
      .string('new')
      .tag(1001, WireType.Varint)
      .uint32(5)
    const sent = bytes.finish()
    assert.deepEqual(toBinary(method.input, decodeRequest(method, sent)), sent)
  })

  it('refuses every truncation of a request, or takes it for a shorter one', () => {
    const bytes = toBinary(method.input, fromJson(method.input, kindsJson))
    for (let length = 0; length < bytes.length; length++) {
      try {
        const message = decodeRequest(method, bytes.subarray(0, length))
        assert.ok(toBinary(method.input, message).length <= length)
      } catch (error) {
        assert.ok(error instanceof DeedError && error.reason === 'REQUEST_MALFORMED', String(error))
      }
    }
  })

  it('refuses what protobuf-es alone would misread', () => {
    assert.match(malformed(Uint8Array.of(14 << 3, 5)), /string_value: has wire type 0, must have 2/)
    assert.match(
      malformed(new BinaryWriter().tag(14, 2).bytes(Uint8Array.of(0xc3, 0x28)).finish()),
      /string_value: .* UTF-8/,
    )
    assert.match(
      malformed(Uint8Array.of(0x8a, 0x01, 0x02, 0x72, 0x05, 1, 2, 3, 4, 5)),
      /child.string_value: is cut off/,
    )
    assert.match(malformed(Uint8Array.of(0)), /field 0/)
    assert.match(malformed(Uint8Array.of(0x80)), /cut off/)
    assert.match(malformed(Uint8Array.of(0xff, 0x07)), /wire type 7/)
    assert.match(malformed(Uint8Array.of(4)), /field 0/)
    assert.match(malformed(Uint8Array.of(0x0c)), /double_value: has wire type 4/)
    assert.match(malformed(Uint8Array.of(3 << 3, ...new Uint8Array(11).fill(0xff))), /int32_value: a varint/)
  })

  it('takes packed lists and those that are not', () => {
    const packed = new BinaryWriter().tag(18, 2).fork().int32(1).int32(-2).join().finish()
    const expanded = new BinaryWriter().tag(18, 0).int32(1).tag(18, 0).int32(-2).finish()
    for (const bytes of [packed, expanded]) {
      assert.deepEqual(toJson(method.input, decodeRequest(method, bytes)), { numbers: [1, -2] })
    }
  })

  it('refuses messages that are nested deeper than 100, a thousand levels and half a million without a stack overflow', () => {
    const nest = (levels: number): Uint8Array => {
      let bytes = new Uint8Array()
      for (let level = 1; level < levels; level++) bytes = new BinaryWriter().tag(17, 2).bytes(bytes).finish()
      return bytes
    }
    decodeRequest(method, nest(100))
    assert.match(malformed(nest(101)), /child…: messages are nested deeper than 100/)
    assert.match(malformed(nest(1_000)), /deeper than 100/)
    const groups = new Uint8Array(1_000_000).fill(0xc3).map((byte, index) => (index % 2 ? 0x3e : byte))
    assert.match(malformed(groups), /deeper than 100/)
  })

  it('lists every violation with its path and rule', () => {
    const json = { items: [{ price: 1 }, {}, { price: -1 }, { price: 1 }], labels: { 'a"b': 'x' }, total: -3 }
    const bytes = toBinary(order.input, fromJson(order.input, json))
    const error = refusal(() => decodeRequest(order, bytes))
    assert.equal(error.reason, 'REQUEST_INVALID')
    const found = error.details.fieldViolations?.map(({ field, reason }) => `${field} ${reason}`)
    assert.deepEqual(found?.sort(), [
      ' order.total',
      'items repeated.max_items',
      'items[1].price int32.gt',
      'items[2].price int32.gt',
      'labels["a\\"b"] string.min_len',
    ])
    assert.equal(error.details.fieldViolations?.find(({ field }) => field === '')?.description, 'total is -3')
  })

  it('takes a rule that cannot be evaluated for broken', () => {
    const bytes = toBinary(order.input, fromJson(order.input, { count: 1 }))
    const error = refusal(() => decodeRequest(order, bytes))
    assert.deepEqual(
      error.details.fieldViolations?.map(({ reason }) => reason),
      ['rule_error'],
    )
  })

  it('applies the rules of messages that hold each other, at every level', async () => {
    const tree = await methodOf(`
      syntax = "proto3";
      package test.tree.v1;
      import "buf/validate/validate.proto";
      service TreeService { rpc Echo(Node) returns (Node); }
      message Node {
        string name = 1 [(buf.validate.field).string.min_len = 1];
        Branch branch = 2;
        repeated Branch branches = 3;
        map<string, Branch> named = 4;
      }
      message Branch { Node node = 1; }`)
    const branch = { node: { branch: { node: { name: 'c' } } } }
    const json = { name: 'a', branch, branches: [branch], named: { b: branch } }
    const bytes = toBinary(tree.input, fromJson(tree.input, json))
    const error = refusal(() => decodeRequest(tree, bytes))
    const found = error.details.fieldViolations?.map(({ field }) => field)
    assert.deepEqual(found, ['branch.node.name', 'branches[0].node.name', 'named["b"].node.name'])
  })

  it('compiles the rules of types with very many paths through them', async () => {
    const types = Array.from({ length: 60 }, (_, n) => `message M${n} { M${n + 1} one = 1; M${n + 1} two = 2; }`)
    const many = await methodOf(`
      syntax = "proto3";
      package test.many.v1;
      import "buf/validate/validate.proto";
      service ManyService { rpc Echo(M0) returns (M0); }
      ${types.join('\n')}
      message M60 { string name = 1 [(buf.validate.field).string.min_len = 1]; }`)
    assert.deepEqual(parseAnswer(many, '{"one":{"two":{}}}').kind, 'valid')
  })

  it('keeps fields apart from what every object of JavaScript has', async () => {
    const names = ['has_own_property', 'is_prototype_of', 'to_locale_string', 'constructor', 'value_of', '__proto__']
    const fields = names.map((name, index) => `Named ${name} = ${index + 1}; `)
    const named = await methodOf(`
      syntax = "proto3";
      package test.named.v1;
      service NamedService { rpc Echo(Named) returns (Named); }
      message Named { ${fields.join('')} string secret = 100; }`)
    const json = Object.fromEntries(names.map((name) => [name, { secret: 'secret' }]))
    const bytes = toBinary(named.input, fromJson(named.input, json))
    const message = decodeRequest(named, bytes)
    assert.deepEqual(toBinary(named.input, message), bytes)
    assert.equal(Object.keys(Object(toJson(named.input, message))).length, names.length)
    assert.deepEqual(toJson(named.input, decodeRequest(named, new Uint8Array())), {})
    assert.equal('secret' in Object.prototype.hasOwnProperty || 'secret' in Object, false)
  })

  it('keeps what debug_redact marks out of paths and descriptions', () => {
    const json = { password: 'SecretValue', notes: { SecretKey: { text: 'SecretText' } }, name: 'Open' }
    const bytes = toBinary(secret.input, fromJson(secret.input, json))
    const error = refusal(() => decodeRequest(secret, bytes))
    const text = JSON.stringify([error.message, error.details])
    assert.equal(text.includes('Secret'), false, text)
    const found = error.details.fieldViolations?.map(({ field, description }) => [field, description])
    assert.deepEqual(found?.sort(), [
      ['', 'breaks the rule person.short'],
      ['name', 'Open has capitals'],
      ['notes.text', 'must be at most 2 characters'],
      ['password', 'breaks the rule password.case'],
      ['password', 'must be at most 8 characters'],
    ])
  })

  it('requires what proto2 and editions require, decodes groups and keeps unknown numbers of closed enums', async () => {
    const source = `
      syntax = "proto2";
      package test.old.v1;
      service OldService { rpc Echo(Old) returns (Old); }
      enum State { STATE_A = 1; STATE_B = 2; }
      message Old { required string name = 1; optional State state = 2; optional group Part = 3 { optional int32 size = 4; } }
    `
    const old = await methodOf(source)
    const bytes = new BinaryWriter()
      .tag(1, 2)
      .string('x')
      .tag(3, 3)
      .tag(4, 0)
      .int32(7)
      .tag(3, 4)
      .tag(2, 0)
      .int32(9)
      .finish()
    const message = decodeRequest(old, bytes)
    assert.deepEqual(toJson(old.input, message), { name: 'x', part: { size: 7 } })
    assert.deepEqual(
      fromBinary(old.input, toBinary(old.input, message)).$unknown?.map(({ no }) => no),
      [2],
    )
    const error = refusal(() => decodeRequest(old, new Uint8Array()))
    assert.deepEqual(
      error.details.fieldViolations?.map(({ field, reason }) => [field, reason]),
      [['name', 'legacy_required']],
    )
    assert.deepEqual(violationsOf(old, {}), { name: 'value is required' })
    assert.match(
      refusal(() => decodeRequest(old, bytes.subarray(0, 6))).message,
      /part: the group does not end|cut off/,
    )
    const edition = await methodOf(
      'edition = "2023"; package test.edition.v1; service S { rpc Echo(M) returns (M); } ' +
        'message M { string name = 1 [features.field_presence = LEGACY_REQUIRED]; M child = 2 [features.message_encoding = DELIMITED]; }',
    )
    assert.equal(refusal(() => decodeRequest(edition, new Uint8Array())).reason, 'REQUEST_INVALID')
    const nested = fromJson(edition.input, { name: 'a', child: { name: 'b' } })
    assert.deepEqual(toJson(edition.input, decodeRequest(edition, toBinary(edition.input, nested))), {
      name: 'a',
      child: { name: 'b' },
    })
  })
})

describe('parseAnswer', () => {
  let method: Method
  let order: Method
  let secret: Method

  before(async () => {
    ;[method, order, secret] = await Promise.all([methodOf(kinds), methodOf(rules), methodOf(secrets)])
  })

  it('reads every kind of field', () => {
    const answer = parseAnswer(method, JSON.stringify(kindsJson))
    assert.equal(answer.kind, 'valid', JSON.stringify(answer.kind === 'invalid' && answer.violations))
    assert.deepEqual(answer.bytes, toBinary(method.output, fromJson(method.output, kindsJson)))
    assert.deepEqual(answer.message, fromBinary(method.output, answer.bytes))
  })

  it('takes no more than gRPC clients do', () => {
    const most = 4 * 1024 * 1024
    // Two bytes for the tag, four for the length.
    const bytesOf = (size: number) => parseAnswer(method, JSON.stringify({ texts: ['x'.repeat(size - 6)] }))
    assert.equal(bytesOf(most).kind, 'valid')
    const larger = bytesOf(most + 1)
    assert.ok(larger.kind === 'invalid')
    assert.equal(larger.violations[0]?.description, `has ${most + 1} bytes; ${most} is the most`)
  })

  it('takes null for a field that is not set, and proto names', () => {
    const answer = parseAnswer(
      method,
      '{"string_value":null,"numbers":null,"labels":null,"child":null,"one":null,"two":"1"}',
    )
    assert.equal(answer.kind, 'valid')
    const two = method.output.fields.find(({ name }) => name === 'two')
    assert.ok(two && reflect(method.output, answer.message).isSet(two))
  })

  it('says all that is wrong, and where', () => {
    const violations = violationsOf(method, {
      doubleValue: 'many',
      int32Value: 1.5,
      int64Value: 2 ** 60,
      uint32Value: -1,
      uint64Value: '18446744073709551616',
      boolValue: 'true',
      stringValue: 5,
      bytesValue: '***',
      color: 'COLOR_GREEN',
      colors: [1, 7],
      child: { children: [{}, { floatValue: 1e39, nonsense: 1 }] },
      numbers: [1, null],
      texts: 'a',
      labels: { a: 1 },
      byNumber: { x: {} },
      byBool: [],
      one: 'a',
      two: '1',
      time: '2026-02-30T00:00:00Z',
      duration: '5 minutes',
      mask: 'string_value',
      struct: [],
      list: {},
      wrapped: true,
      times: ['yesterday'],
    })
    assert.deepEqual(Object.keys(violations).sort(), [
      '',
      'bool_value',
      'by_bool',
      'by_number',
      'bytes_value',
      'child.children[1]',
      'child.children[1].float_value',
      'color',
      'colors[1]',
      'double_value',
      'duration',
      'int32_value',
      'int64_value',
      'labels["a"]',
      'list',
      'mask',
      'numbers[1]',
      'string_value',
      'struct',
      'texts',
      'time',
      'times[0]',
      'uint32_value',
      'uint64_value',
      'wrapped',
    ])
    assert.equal(violations['color'], 'must be one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE')
    assert.equal(violations['child.children[1]'], 'has no field "nonsense"')
    assert.equal(violations[''], 'only one of one, two may be given, as choice')
  })

  it('refuses text that is not one JSON object', () => {
    for (const text of ['', 'null', '[]', '5', '{} {}', '{"color": 1,}', '```json\n{}\n```', 'Here it is: {}']) {
      assert.equal(parseAnswer(method, text).kind, 'invalid', text)
    }
  })

  it('refuses a key that is given twice, at any depth and however it is written', () => {
    assert.match(violationsOf(method, '{"maybe":1,"maybe":2}')[''] ?? '', /duplicate object key/)
    assert.match(violationsOf(method, '{"struct":{"a":1,"\\u0061":2}}')[''] ?? '', /duplicate object key/)
    assert.match(violationsOf(method, '{"stringValue":"a","string_value":"b"}')[''] ?? '', /given twice/)
  })

  it('refuses bytes, times and masks that protobuf-es would take for others', () => {
    for (const bytesValue of ['A', 'AB', 'AA=', 'A A=', '=']) {
      assert.deepEqual(violationsOf(method, { bytesValue }), { bytes_value: 'must be a string in base64' })
    }
    for (const bytesValue of ['', 'AA', 'AA==', '-_-_', '+/+/']) {
      assert.equal(parseAnswer(method, JSON.stringify({ bytesValue })).kind, 'valid', bytesValue)
    }
    for (const time of ['0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59.9-00:01']) {
      assert.deepEqual(violationsOf(method, { time }), { time: 'must be a time in the years 0001 to 9999 in UTC' })
    }
    for (const mask of ['a,,b', 'a.', ' a', 'a b', '!']) {
      assert.match(violationsOf(method, { mask })['mask'] ?? '', /lowerCamelCase/, mask)
    }
  })

  it('refuses half of a surrogate pair', () => {
    assert.match(violationsOf(method, '{"stringValue":"\\ud83d"}')['string_value'] ?? '', /surrogate/)
    assert.match(violationsOf(method, '{"struct":{"a":["\\udc4b"]}}')['struct'] ?? '', /surrogate/)
    assert.match(violationsOf(method, '{"labels":{"\\ud83d":"x"}}')['labels'] ?? '', /surrogate/)
  })

  it('refuses deep nesting without a stack overflow', () => {
    const nested = (levels: number) => `${'{"child":'.repeat(levels)}{}${'}'.repeat(levels)}`
    assert.equal(parseAnswer(method, nested(99)).kind, 'valid')
    for (const levels of [100, 1_000, 100_000]) assert.equal(parseAnswer(method, nested(levels)).kind, 'invalid')
    const lists = `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    assert.equal(parseAnswer(method, lists).kind, 'invalid')
  })

  it('applies the rules of the contract', () => {
    assert.deepEqual(violationsOf(order, { items: [{ price: 0 }] }), { 'items[0].price': 'must be greater than 0' })
  })

  it('never quotes what debug_redact marks', () => {
    const texts = [
      '{"password":"SECRET","password":"SECRET"}',
      '{"password":SECRET}',
      '{"password":{"SECRET":1}}',
      '{"notes":{"SECRET":{"SECRET":"SECRET"}}}',
      '{"notes":{"SECRET":"SECRET"}}',
      '{"notes":{"SECRET":{},"SECRET":{}}}',
    ]
    for (const text of texts) {
      const answer = parseAnswer(secret, text)
      assert.equal(answer.kind, 'invalid')
      assert.equal(JSON.stringify(answer.violations).includes('SECRET'), false, JSON.stringify(answer.violations))
    }
  })

  it('returns an empty message for an empty object', () => {
    const answer = parseAnswer(order, ' {} ')
    assert.deepEqual(answer, { kind: 'valid', message: create(order.output), bytes: new Uint8Array() })
    const object: JsonObject = {}
    assert.deepEqual(toJson(order.output, create(order.output)), object)
  })
})
