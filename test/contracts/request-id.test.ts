import assert from 'node:assert/strict'
import type { JsonValue } from '@bufbuild/protobuf'
import { requestId } from '../../src/contracts/request-id.ts'
import { methodsOf, requestOf } from '../support/methods.ts'

describe('requestId', () => {
  const idOf = async (body: string, json: JsonValue, syntax = 'proto3') => {
    const source = `syntax = "${syntax}"; package acme.v1; service S { rpc M(Ask) returns (Ask); } message Ask { ${body} }`
    const method = (await methodsOf(source)).get('M')
    assert.ok(method)
    return requestId(method, requestOf(method, json))
  }

  it('is what a string request_id says, if it says anything', async () => {
    for (const body of [
      'string request_id = 7;',
      'optional string request_id = 7;',
      'oneof id { string request_id = 7; }',
    ]) {
      assert.equal(await idOf(body, { requestId: 'a' }), 'a', body)
      assert.equal(await idOf(body, { requestId: '' }), undefined, body)
      assert.equal(await idOf(body, {}), undefined, body)
    }
  })

  it('is not the default of proto2', async () => {
    const body = 'optional string request_id = 1 [default = "x"];'
    assert.equal(await idOf(body, {}, 'proto2'), undefined)
    assert.equal(await idOf(body, { request_id: 'x' }, 'proto2'), 'x')
  })

  it('is in no field of another name or type', async () => {
    assert.equal(await idOf('string requestId = 1;', { requestId: 'a' }), undefined)
    assert.equal(await idOf('string id = 1 [json_name = "request_id"];', { request_id: 'a' }), undefined)
    assert.equal(await idOf('repeated string request_id = 1;', { requestId: ['a'] }), undefined)
    assert.equal(await idOf('bytes request_id = 1;', { requestId: 'aaaa' }), undefined)
    assert.equal(await idOf('map<string, string> request_id = 1;', { requestId: { a: 'b' } }), undefined)
  })
})
