import assert from 'node:assert/strict'
import { schemaNotes } from '../../src/models/schema-notes.ts'
import { methodOf } from '../support/methods.ts'

const notesOf = async (fields: string, more = '') => {
  const method = await methodOf(`
syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
service S { rpc M(Req) returns (Res); }
message Req { string text = 1; }
enum Kind { KIND_UNSPECIFIED = 0; KIND_SMALL = 1; KIND_LARGE = 2; }
message Res { ${fields} }
${more}`)
  return schemaNotes(method).map(({ path, rule }) => `${path}: ${rule}`)
}

describe('schemaNotes', () => {
  it('has the rules that a schema cannot hold, by path', async () => {
    const notes = await notesOf(
      `
  string word = 1 [(buf.validate.field).string = {min_len: 3, pattern: "^a"}];
  int32 count_of = 2 [(buf.validate.field).int32.gte = 0];
  repeated Line lines = 3 [(buf.validate.field).repeated.max_items = 5];
  map<string, Line> by_name = 4 [(buf.validate.field).map = {keys: {string: {max_len: 8}}}];
  oneof choice { string one = 5; string two = 6; }
  repeated string tags = 7 [(buf.validate.field).repeated.items.string.max_len = 9];`,
      `message Line {
  option (buf.validate.message).cel = {id: "l", message: "low is not above high", expression: "this.low <= this.high"};
  int32 low = 1;
  int32 high = 2 [(buf.validate.field).int32.lt = 10];
}`,
    )
    assert.deepEqual(notes, [
      ': at most one of one, two',
      'word: min len 3',
      'word: pattern "^a"',
      'countOf: gte 0',
      'lines: max items 5',
      'lines[]: low is not above high',
      'lines[].high: lt 10',
      'byName: each of its keys: max len 8',
      'tags: each of its items: max len 9',
    ])
  })

  it('leaves out what the schema holds', async () => {
    const notes = await notesOf(`
  optional string word = 1 [(buf.validate.field).required = true];
  string mail = 2 [(buf.validate.field).string.email = true];
  string one_of = 3 [(buf.validate.field).string = {in: ["a", "b"]}];
  Kind kind = 4 [(buf.validate.field).enum = {not_in: [0], defined_only: true}];
  repeated string hosts = 5 [(buf.validate.field).repeated.items.string.hostname = true];`)
    assert.deepEqual(notes, [])
  })

  it('tells of a type once, and says when the schema is told instead of enforced', async () => {
    const fields = Array.from({ length: 25 }, (_, index) => `optional string f${index} = ${index + 1};`).join('\n')
    assert.deepEqual(await notesOf(fields), [
      ': has 25 properties that may be left out; Claude takes 24, so it is told the schema in its prompt',
    ])
    const tree = 'repeated Res inner = 1 [(buf.validate.field).repeated.max_items = 2];'
    assert.deepEqual(await notesOf(tree), ['inner: max items 2'])
  })
})
