import assert from 'node:assert/strict'
import { schemaNotes } from '../../src/models/schema-notes.ts'
import { methodOf } from '../support/methods.ts'

const HEAD = `
syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "google/protobuf/struct.proto";
service S { rpc M(R) returns (R); }
`

/** `field: note` */
async function notesOf(body: string): Promise<string[]> {
  return schemaNotes(await methodOf(HEAD + body)).map(({ field, note }) => `${field}: ${note}`)
}

describe('what the schema does not carry', () => {
  it('is nothing where protobuf JSON and JSON Schema agree', async () => {
    assert.deepEqual(
      await notesOf(`
        enum E { E_NONE = 0; E_ONE = 1; }
        message R {
          string size = 1 [(buf.validate.field).string = {in: ["S", "M"]}];
          string mail = 2 [(buf.validate.field).string.email = true];
          E kind = 3 [(buf.validate.field).enum = {defined_only: true, not_in: [0]}];
          repeated E kinds = 4 [(buf.validate.field).repeated.items.enum.in = 1];
          R2 inner = 5 [(buf.validate.field).required = true];
        }
        message R2 { int32 n = 1; }`),
      [],
    )
  })

  it('is all of it where the answer is no object', async () => {
    const source = `${HEAD.replace('returns (R)', 'returns (google.protobuf.Struct)')} message R {}`
    const notes = schemaNotes(await methodOf(source)).map(({ field, note }) => `${field}: ${note}`)
    assert.deepEqual(notes, [
      ': the schema stands in the prompt: structured outputs are objects',
      ': JSON text, since any JSON may stand there',
    ])
  })

  it('is bounds, patterns, CEL, oneofs, and what must not be empty', async () => {
    assert.deepEqual(
      await notesOf(`
        message R {
          option (buf.validate.message).cel = {id: "r", message: "a before b", expression: "this.low < 9"};
          string title = 1 [(buf.validate.field).string = {min_len: 3, max_len: 40, in: ["one", "three"]}];
          int32 low = 2 [(buf.validate.field).int32 = {gte: 1}, (buf.validate.field).required = true];
          repeated string tags = 3 [(buf.validate.field).repeated = {max_items: 5, items: {string: {min_len: 2, in: ["ab"]}}}];
          oneof by { option (buf.validate.oneof).required = true; string mail = 4; string phone = 5; }
          optional string maybe = 6;
        }`),
      [
        ': rule: a before b',
        ': rule: exactly one of mail, phone',
        'title: rule: min len 3; max len 40',
        'low: rule: gte 1; required',
        'tags: rule: max items 5; each of its items: min len 2',
      ],
    )
  })

  it('is maps, free JSON and where a message that contains itself is cut off, each once', async () => {
    assert.deepEqual(
      await notesOf(`
        message R {
          map<string, Node> nodes = 1;
          google.protobuf.Struct extra = 2;
        }
        message Node { string name = 1 [(buf.validate.field).string.min_len = 1]; Node next = 2; }`),
      [
        'nodes: a map, as a list of its entries',
        'nodes[].value.name: rule: min len 1',
        'nodes[].value.next.next.next: JSON text of a Node, since the schema would not end or be too large',
        'extra: JSON text, since any JSON may stand there',
      ],
    )
  })

  it('is told of the items of a stream by their place in the list', async () => {
    const source = HEAD.replace('returns (R)', 'returns (stream R)')
    const body =
      'message R { string name = 1 [(buf.validate.field).string.min_len = 1]; map<string, string> tags = 2; }'
    const notes = schemaNotes(await methodOf(source + body)).map(({ field, note }) => `${field}: ${note}`)
    assert.deepEqual(notes, ['items[].name: rule: min len 1', 'items[].tags: a map, as a list of its entries'])
  })

  it('is the whole where more may be left out than vendors take', async () => {
    const fields = Array.from({ length: 25 }, (_, index) => `optional int32 f${index} = ${index + 1};`)
    const [first] = await notesOf(`message R { ${fields.join(' ')} }`)
    assert.equal(first, ': 25 properties may be left out: with more than 24, the schema stands in the prompt')
  })
})
