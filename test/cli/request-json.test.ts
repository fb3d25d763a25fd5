import assert from 'node:assert/strict'
import { fromBinary, toJson } from '@bufbuild/protobuf'
import { Failure } from '../../src/cli/failure.ts'
import { encodeJson } from '../../src/cli/request-json.ts'
import { skeleton } from '../../src/cli/skeleton.ts'
import type { Method } from '../../src/contracts/method.ts'
import { methodOf } from '../support/methods.ts'

const source = `syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service Desk { rpc File(Ticket) returns (Ticket); }
enum Kind { KIND_UNSPECIFIED = 0; KIND_BUG = 1; }
message Ticket {
  string note = 1;
  string subject_line = 2 [(buf.validate.field).required = true];
  string email = 3 [(buf.validate.field).string = {min_len: 1, email: true}];
  repeated Item items = 4 [(buf.validate.field).repeated.min_items = 1];
  google.protobuf.Timestamp time = 5 [(buf.validate.field).required = true];
  map<string, Kind> kinds = 6 [(buf.validate.field).map.min_pairs = 1];
  oneof target {
    option (buf.validate.oneof).required = true;
    int64 number = 7;
    string text = 8;
  }
}
message Item { string name = 1; google.protobuf.Int32Value count = 2; Item parent = 3; bool open = 4; }
`

describe('the request of a call', () => {
  let method: Method
  before(async () => {
    method = await methodOf(source)
  })

  function refused(text: string): Failure {
    try {
      encodeJson(method.input, text, method.registry)
    } catch (error) {
      assert.ok(error instanceof Failure)
      assert.equal(error.exitCode, 2)
      return error
    }
    return assert.fail('it was not refused')
  }

  it('is read in the JSON mapping', () => {
    const json = { subjectLine: 'Hello', items: [{ name: 'a', count: 3 }], number: '9007199254740993' }
    const bytes = encodeJson(method.input, JSON.stringify(json), method.registry)
    assert.deepEqual(toJson(method.input, fromBinary(method.input, bytes)), json)
  })

  it('is refused at the place where it is no JSON', () => {
    const places = {
      abc: 'line 1 column 1',
      '{a: 1}': 'line 1 column 2',
      '{"note": tru}': 'line 1 column 13',
      '{\n  "note": "x",\n  "email": nope\n}': 'line 3 column 13',
      '{"note": "x"': 'line 1 column 13',
      '': 'line 1 column 1',
      '{"note": "x"} y': 'line 1 column 15',
    }
    for (const [text, place] of Object.entries(places)) {
      const { message } = refused(text)
      assert.match(message, /^the request is not JSON: /)
      assert.ok(message.endsWith(` at ${place}`), `${text}: ${message}`)
      assert.ok(!message.includes('\n'))
    }
  })

  it('is refused with every field that is unknown or of the wrong type', () => {
    const { message, lines } = refused('{"subject": "x", "items": [{"name": 1}], "kinds": {"a": "KIND_NONE"}}')
    assert.equal(message, 'the request is not a test.v1.Ticket')
    assert.deepEqual(lines.toSorted(), [
      'has no field "subject", did you mean "subjectLine"?',
      'items[0].name: must be a string',
      'kinds["a"]: must be one of KIND_UNSPECIFIED, KIND_BUG',
    ])
  })

  it('is refused when a key is given twice, or a number would be rounded', () => {
    assert.match(refused('{"note": "x", "note": "y"}').lines[0] ?? '', /duplicate object key "note"/)
    assert.match(refused('{"number": 9007199254740993}').message, /write it as a string, "9007199254740993"/)
  })

  it('can start from a skeleton of what is required', () => {
    const json = skeleton(method.input)
    assert.deepEqual(json, {
      subjectLine: 'subject line',
      email: 'ada@example.com',
      items: [{ name: 'name', count: 1, parent: { name: 'name', count: 1, parent: {} } }],
      time: '2026-01-31T09:30:00Z',
      kinds: { key: 'KIND_BUG' },
      number: 1,
    })
    assert.ok(encodeJson(method.input, JSON.stringify(json), method.registry).length > 0)
  })
})
