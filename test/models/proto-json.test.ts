import assert from 'node:assert/strict'
import type { JsonValue } from '@bufbuild/protobuf'
import type { Method } from '../../src/contracts/method.ts'
import { toProtoJson } from '../../src/models/proto-json.ts'
import { methodOf } from '../support/methods.ts'

const SOURCE = `
syntax = "proto3";
package test.v1;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
service S { rpc M(R) returns (R); }
message R {
  map<string, Node> nodes = 1;
  map<int32, string> names = 2;
  google.protobuf.Struct extra = 3;
  google.protobuf.Value any = 4;
  google.protobuf.Timestamp at_time = 5;
  repeated Node list = 6;
}
message Node { string name = 1; Node next = 2; }
`

describe('toProtoJson', () => {
  let method: Method
  const convert = (value: JsonValue) => toProtoJson(method.output, value)

  before(async () => {
    method = await methodOf(SOURCE)
  })

  it('makes entries a map, in either form', () => {
    const entries = [{ key: 'a', value: { name: 'x' } }]
    assert.deepEqual(convert({ nodes: entries }).value, { nodes: { a: { name: 'x' } } })
    assert.deepEqual(convert({ nodes: { a: { name: 'x' } } }).value, { nodes: { a: { name: 'x' } } })
    assert.deepEqual(convert({ names: [{ key: 7, value: 'x' }] }).value, { names: { '7': 'x' } })
    assert.deepEqual(convert({ nodes: [] }).value, { nodes: {} })
  })

  it('keeps a key named __proto__ an ordinary key', () => {
    const { value } = convert({ names: [{ key: '__proto__', value: 'x' }] })
    assert.equal(JSON.stringify(value), '{"names":{"__proto__":"x"}}')
  })

  it('refuses a key that is given twice', () => {
    const { violations } = convert({
      names: [
        { key: '1', value: 'x' },
        { key: '1', value: 'y' },
      ],
    })
    assert.deepEqual(violations, [{ field: 'names[1]', description: 'the same key is given twice', reason: 'json' }])
  })

  it('refuses an entry that holds more or less than key and value', () => {
    for (const entry of [{ key: '1', value: 'x', note: 'y' }, { key: '1' }, { value: 'x' }, 'x', null]) {
      const { violations } = convert({ names: [{ key: '2', value: 'x' }, entry] })
      assert.deepEqual(
        violations.map(({ field, description }) => [field, description]),
        [['names[1]', 'must be an entry of a map: an object with key and value, and nothing else']],
      )
    }
  })

  it('refuses a key that is no text and could be another than was meant', () => {
    const refused = (value: JsonValue) => convert(value).violations.map(({ description }) => description)
    assert.deepEqual(refused({ names: [{ key: 2 ** 53, value: 'x' }] }), [
      'must have a key that is a string of decimal digits',
    ])
    assert.deepEqual(refused({ names: [{ key: null, value: 'x' }] }), [
      'must have a key that is a string of decimal digits',
    ])
    assert.deepEqual(refused({ nodes: [{ key: null, value: {} }] }), ['must have a key that is a string'])
    assert.deepEqual(refused({ nodes: [{ key: 7, value: {} }] }), ['must have a key that is a string'])
  })

  it('opens JSON text, in either form', () => {
    assert.deepEqual(convert({ extra: '{"a": [1]}' }).value, { extra: { a: [1] } })
    assert.deepEqual(convert({ extra: { a: 1 } }).value, { extra: { a: 1 } })
    assert.deepEqual(convert({ any: '[true]' }).value, { any: [true] })
    assert.deepEqual(convert({ any: 'plain words' }).value, { any: 'plain words' })
    for (const given of [{ extra: 'plain words' }, { extra: '{"a":1' }, { any: '{"a":1' }, { any: '"a' }]) {
      const [field] = Object.keys(given)
      assert.deepEqual(convert(given).violations, [{ field, description: 'must be JSON text', reason: 'json' }])
    }
  })

  it('opens the text of a message that was cut off by depth', () => {
    const text = JSON.stringify({ name: 'b', next: JSON.stringify({ name: 'c' }) })
    assert.deepEqual(convert({ list: [{ name: 'a', next: text }] }).value, {
      list: [{ name: 'a', next: { name: 'b', next: { name: 'c' } } }],
    })
    const { violations } = convert({ list: [{ next: 'no json' }] })
    assert.deepEqual(violations, [
      { field: 'list[0].next', description: 'must be an object, or the JSON text of one', reason: 'json' },
    ])
  })

  it('refuses JSON text that gives a key twice', () => {
    const description = 'its JSON text gives a key twice'
    const given = { extra: '{"a":[{"b":1,"b":2}]}', list: [{ next: '{"name":"a","name":"b"}' }] }
    assert.deepEqual(convert(given).violations, [
      { field: 'extra', description, reason: 'json' },
      { field: 'list[0].next', description, reason: 'json' },
    ])
  })

  it('leaves everything else to the parser', () => {
    const value = { atTime: '2026-01-31T12:00:00Z', at_time: 5, unknown: { a: 1 }, list: 'x', nodes: 'y', names: 3 }
    assert.deepEqual(convert(value), { value, violations: [] })
  })

  it('stops at a depth that no contract holds', () => {
    let node: JsonValue = { name: 'leaf' }
    for (let level = 0; level < 5_000; level++) node = { next: node }
    assert.match(convert({ list: [node] }).violations[0]?.description ?? '', /nested more than/)
  })
})
