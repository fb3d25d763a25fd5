import assert from 'node:assert/strict'
import { create, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf'
import type { Method } from '../../src/contracts/method.ts'
import { toModelJson } from '../../src/models/model-json.ts'
import { readAnswer } from '../../src/models/read-answer.ts'
import { kinds, kindsJson } from '../support/kinds.ts'
import { methodOf } from '../support/methods.ts'

describe('toModelJson', () => {
  const written = (method: Method, json: JsonValue) =>
    toModelJson(method, fromJson(method.output, json, { registry: method.registry }))

  it('writes what readAnswer reads back, for every kind of field', async () => {
    const method = await methodOf(kinds)
    const message = fromJson(method.output, kindsJson, { registry: method.registry })
    const read = readAnswer(method, JSON.stringify(toModelJson(method, message)))
    assert.ok(read.kind === 'valid', read.kind === 'invalid' ? JSON.stringify(read.violations) : '')
    const options = { registry: method.registry, alwaysEmitImplicit: true }
    assert.deepEqual(toJson(method.output, read.message, options), toJson(method.output, message, options))
  })

  it('has maps as entries, free JSON and what the schema cuts off as JSON text', async () => {
    const method = await methodOf(`
      syntax = "proto3";
      package test.v1;
      import "google/protobuf/struct.proto";
      service S { rpc M(Node) returns (Node); }
      message Node {
        string name = 1;
        map<string, google.protobuf.Value> notes = 2;
        Node next = 3;
      }`)
    const json = { name: 'a', notes: { x: [1] }, next: { name: 'b', next: { name: 'c', next: { name: 'd' } } } }
    assert.deepEqual(written(method, json), {
      name: 'a',
      notes: [{ key: 'x', value: '[1]' }],
      next: { name: 'b', notes: [], next: { name: 'c', notes: [], next: '{"name":"d","notes":{}}' } },
    })
  })

  it('has all that the schema requires, as it is in the JSON mapping where nothing deviates', async () => {
    const method = await methodOf(`
      syntax = "proto3";
      package test.v1;
      service S { rpc M(Res) returns (Res); }
      message Res { string word = 1; int64 big = 2; repeated string list = 3; optional bool maybe = 4; }`)
    assert.deepEqual(toModelJson(method, create(method.output)), { word: '', big: '0', list: [] })
  })
})
