import assert from 'node:assert/strict'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import type { Method } from '../../src/contracts/method.ts'
import { toModelJson } from '../../src/models/model-json.ts'
import { readAnswer } from '../../src/models/read-answer.ts'
import { methodOf } from '../support/methods.ts'

const SOURCE = `
syntax = "proto3";
package test.v1;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
service S { rpc M(R) returns (R); }
message R {
  map<int64, Node> nodes = 1;
  google.protobuf.Struct extra = 2;
  repeated google.protobuf.Value values = 3;
  google.protobuf.Timestamp at_time = 4;
  uint64 large = 5;
  bool done = 6;
  optional string nickname = 7;
}
message Node { string name = 1; Node next = 2; map<string, string> labels = 3; google.protobuf.Value value = 4; }
`

describe('toModelJson', () => {
  let method: Method
  const answer = (json: JsonValue) => toModelJson(method, fromJson(method.output, json))

  before(async () => {
    method = await methodOf(SOURCE)
  })

  it('writes maps as entries, free-form JSON as text, and all that has no presence', () => {
    const json = {
      nodes: { '-7': { name: 'a' } },
      extra: { a: [1] },
      values: ['1', 1, null],
      atTime: '2026-01-31T12:00:00Z',
    }
    assert.deepEqual(answer(json), {
      nodes: [{ key: '-7', value: { name: 'a', labels: [] } }],
      extra: '{"a":[1]}',
      values: ['"1"', '1', 'null'],
      atTime: '2026-01-31T12:00:00Z',
      large: '0',
      done: false,
    })
  })

  it('writes a message that the schema does not spell out as JSON text, which is read back', () => {
    let node: JsonValue = { name: 'leaf', labels: { a: 'b' }, value: '12' }
    for (let level = 0; level < 5; level++) node = { name: `level ${level}`, next: node }
    const message = fromJson(method.output, { nodes: { 1: node } })
    const text = JSON.stringify(toModelJson(method, message))
    assert.match(text, /"next":"\{\\"name\\":\\"level 1\\"/)
    const read = readAnswer(method, text)
    assert.ok(read.kind === 'valid')
    assert.deepEqual(read.message, message)
  })
})
