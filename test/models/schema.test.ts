import assert from 'node:assert/strict'
import type { Method } from '../../src/contracts/method.ts'
import { type JsonSchema, optionalProperties, responseSchema } from '../../src/models/schema.ts'
import { refusalOf } from '../support/fake-anthropic-schema.ts'
import { methodOf } from '../support/methods.ts'

const SOURCE = `
syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

service Sink { rpc Fill(FillRequest) returns (FillResponse); }
message FillRequest {}

// Everything at once.
message FillResponse {
  option (buf.validate.message).cel = {id: "order", message: "low must be below high", expression: "this.small <= 9"};
  // A short title.
  // On two lines.
  string title = 1 [(buf.validate.field).string = {min_len: 3, max_len: 40}, (deed.v1.field).instructions = "In English."];
  int32 small = 2 [(buf.validate.field).int32 = {gte: 1, lte: 9}];
  uint64 large = 3;
  bytes blob = 4;
  double score = 5;
  bool done = 6;
  Color color = 7 [(buf.validate.field).required = true];
  optional Color second_color = 8;
  optional string nickname = 9;
  google.protobuf.Timestamp created_at = 10 [(buf.validate.field).required = true];
  google.protobuf.Duration span = 11;
  google.protobuf.FieldMask mask = 12;
  google.protobuf.StringValue wrapped = 13;
  google.protobuf.Struct extra = 14;
  map<string, Item> items = 15;
  map<int64, string> names = 16;
  repeated Color colors = 17 [(buf.validate.field).repeated = {min_items: 1, items: {enum: {in: [1]}}}];
  Node tree = 18;
  oneof contact {
    option (buf.validate.oneof).required = true;
    string email = 19 [(buf.validate.field).string.email = true];
    string phone = 20;
  }
  string size = 21 [(buf.validate.field).string = {in: ["S", "M"]}];
}

message Item { string label = 1; }
message Node { string name = 1; repeated Node children = 2; Node next = 3; }

// A colour.
enum Color {
  COLOR_UNSPECIFIED = 0;
  // Like blood.
  COLOR_RED = 1;
  COLOR_BLUE = 2;
}
`

describe('responseSchema', () => {
  let method: Method
  let schema: JsonSchema
  const property = (name: string): JsonSchema => {
    const found = schema.properties?.[name]
    assert.ok(found, name)
    return found
  }

  before(async () => {
    method = await methodOf(SOURCE)
    schema = responseSchema(method)
  })

  it('is what structured outputs accept, and is made once', () => {
    assert.equal(refusalOf(schema), undefined)
    assert.equal(responseSchema(method), schema)
  })

  it('requires what has no presence of its own or must be there by rule', () => {
    assert.deepEqual(schema.required, [
      ...['title', 'small', 'large', 'blob', 'score', 'done', 'color', 'createdAt'],
      ...['items', 'names', 'colors', 'size'],
    ])
    assert.ok(optionalProperties(schema) > 8)
  })

  it('has scalars in the form of protobuf JSON', () => {
    assert.equal(property('small').type, 'integer')
    assert.equal(property('large').type, 'string')
    assert.equal(property('blob').type, 'string')
    assert.equal(property('score').type, 'number')
    assert.equal(property('done').type, 'boolean')
    assert.equal(property('wrapped').type, 'string')
    assert.equal(property('createdAt').format, 'date-time')
    assert.equal(property('email').format, 'email')
    assert.deepEqual(property('size').enum, ['S', 'M'])
  })

  it('names enum values, leaving out those that rules forbid', () => {
    assert.deepEqual(property('color').enum, ['COLOR_RED', 'COLOR_BLUE'])
    assert.deepEqual(property('secondColor').enum, ['COLOR_UNSPECIFIED', 'COLOR_RED', 'COLOR_BLUE'])
    assert.deepEqual(property('colors').items?.enum, ['COLOR_RED'])
    assert.match(property('color').description ?? '', /A colour\.\n- COLOR_RED: Like blood\./)
  })

  it('has the zero value where the rules do not concern it, and no rule that is to be ignored', async () => {
    const spared = responseSchema(
      await methodOf(`
        syntax = "proto3";
        package test.v1;
        import "buf/validate/validate.proto";
        service S { rpc M(Spared) returns (Spared); }
        enum Size { SIZE_UNSPECIFIED = 0; SIZE_S = 1; SIZE_M = 2; }
        message Spared {
          option (buf.validate.message).oneof = {fields: ["one", "two"]};
          Size size = 1 [(buf.validate.field) = {enum: {in: [1]}, ignore: IGNORE_IF_ZERO_VALUE}];
          string text = 2 [(buf.validate.field) = {string: {in: ["a"]}, ignore: IGNORE_IF_ZERO_VALUE}];
          string mail = 3 [(buf.validate.field) = {string: {email: true}, ignore: IGNORE_IF_ZERO_VALUE}];
          string only = 4 [(buf.validate.field) = {string: {const: "a"}, required: true, ignore: IGNORE_ALWAYS}];
          repeated Size sizes = 5 [(buf.validate.field).repeated.items = {enum: {in: [1]}, ignore: IGNORE_IF_ZERO_VALUE}];
          repeated string texts = 6 [(buf.validate.field).repeated.items = {string: {in: ["a"]}, ignore: IGNORE_ALWAYS}];
          string one = 7 [(buf.validate.field).string.const = "a"];
          Size two = 8 [(buf.validate.field).enum.in = 2];
        }`),
    )
    const enums = Object.entries(spared.properties ?? {}).map(([name, { enum: own, items }]) => [
      name,
      own ?? items?.enum,
    ])
    assert.deepEqual(Object.fromEntries(enums), {
      size: ['SIZE_UNSPECIFIED', 'SIZE_S'],
      text: ['', 'a'],
      mail: undefined,
      only: undefined,
      sizes: ['SIZE_UNSPECIFIED', 'SIZE_S'],
      texts: undefined,
      one: ['', 'a'],
      two: ['SIZE_UNSPECIFIED', 'SIZE_M'],
    })
    assert.equal(spared.properties?.['mail']?.format, undefined)
    assert.equal(spared.properties?.['only']?.description, undefined)
  })

  it('says comments, instructions and rules in the descriptions', () => {
    assert.equal(
      property('title').description,
      'A short title.\nOn two lines.\nIn English.\nRules: min len 3; max len 40.',
    )
    assert.match(property('small').description ?? '', /gte 1|lte 9/)
    assert.match(schema.description ?? '', /Everything at once\./)
    assert.match(schema.description ?? '', /low must be below high/)
    assert.match(schema.description ?? '', /Exactly one of these must be set: email, phone\./)
    assert.match(property('email').description ?? '', /At most one of: email, phone\./)
    assert.match(property('colors').description ?? '', /min items 1; each of its items: in/)
  })

  it('has maps as entries and free-form JSON as text', () => {
    assert.deepEqual(property('items').items?.required, ['key', 'value'])
    assert.equal(property('names').items?.properties?.['key']?.type, 'string')
    assert.equal(property('extra').type, 'string')
  })

  it('spells a recursive message out three levels deep', () => {
    let node: JsonSchema | undefined = property('tree')
    for (let level = 0; level < 3; level++) {
      assert.equal(node?.type, 'object', `level ${level}`)
      node = node?.properties?.['next']
    }
    assert.equal(node?.type, 'string')
    assert.match(node?.description ?? '', /JSON text of a Node object \(its fields: name, children, next\)/)
  })

  it('spells fewer levels out where three would have too many optional properties', async () => {
    const fields = [...'abcd'].map((name, index) => `Node ${name} = ${index + 1};`).join(' ')
    const source = `syntax = "proto3"; package test.v1; message Node { ${fields} } service S { rpc M(Node) returns (Node); }`
    const wide = responseSchema(await methodOf(source))
    assert.equal(wide.properties?.['a']?.properties?.['a']?.type, 'string')
    assert.equal(refusalOf(wide), undefined)
  })

  it('stays small for types that contain each other many times over', async () => {
    const names = [...'ABCDEFGH']
    const fields = names.map((name, index) => `${name} ${name.toLowerCase()} = ${index + 1};`).join(' ')
    const messages = names.map((name) => `message ${name} { ${fields} }`).join('\n')
    const source = `syntax = "proto3"; package test.v1; ${messages} service S { rpc M(A) returns (A); }`
    const text = JSON.stringify(responseSchema(await methodOf(source)))
    assert.ok(text.length < 200_000, String(text.length))
  })
})
