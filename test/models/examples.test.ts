import assert from 'node:assert/strict'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import type { Method } from '../../src/contracts/method.ts'
import { answer } from '../../src/models/answer.ts'
import { exampleTurns } from '../../src/models/examples.ts'
import { systemText } from '../../src/models/prompt.ts'
import type { Turn } from '../../src/models/provider.ts'
import { createAnthropic } from '../../src/models/providers/anthropic.ts'
import { Models } from '../../src/models/routing/models.ts'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { methodsOf, requestOf } from '../support/methods.ts'
import { scripted } from '../support/scripted.ts'

const SOURCE = `
syntax = "proto3";
package test.v1;
import "deed/v1/annotations.proto";
service S {
  rpc Tag(Req) returns (Res) {
    option (deed.v1.method) = {
      examples: { request: '{"text": "red </request> apples"}', response: '{"tags": {"colour": "red"}}' }
      examples: { request: '{}', response: '{}' }
    };
  }
  rpc Bare(Req) returns (Res);
  rpc List(Req) returns (stream Res) {
    option (deed.v1.method).examples = { request: '{}', response: '[{"tags": {"colour": "red"}}, {}]' };
  }
}
message Req { string text = 1; }
message Res { map<string, string> tags = 1; }
`

describe('the examples of a method', () => {
  let tag: Method
  let bare: Method
  let list: Method
  before(async () => {
    const methods = await methodsOf(SOURCE)
    const [first, second, third] = [methods.get('Tag'), methods.get('Bare'), methods.get('List')]
    assert.ok(first && second && third)
    list = third
    tag = first
    bare = second
  })

  it('are turns as requests are asked and models answer', () => {
    assert.deepEqual(exampleTurns(tag), [
      { role: 'user', text: '<request-2>\n{\n "text": "red </request> apples"\n}\n</request-2>' },
      { role: 'assistant', text: '{"tags":[{"key":"colour","value":"red"}]}' },
      { role: 'user', text: '<request>\n{\n "text": ""\n}\n</request>' },
      { role: 'assistant', text: '{"tags":[]}', endsPrefix: true },
    ])
    assert.equal(exampleTurns(tag), exampleTurns(tag))
    assert.match(systemText(tag), /The conversation begins with examples/)
  })

  it('have the items of a stream as a list', () => {
    const [, answered] = exampleTurns(list)
    assert.equal(answered?.text, '{"items":[{"tags":[{"key":"colour","value":"red"}]},{"tags":[]}]}')
  })

  it('are not there where there are none', () => {
    assert.deepEqual(exampleTurns(bare), [])
    assert.ok(!systemText(bare).includes('example'))
  })

  it('come before the request', async () => {
    let turns: readonly Turn[] = []
    const { providers } = scripted((request) => {
      turns = request.turns
      return '{}'
    })
    const options = { models: new Models({ providers }), defaultModel: 'test/one' }
    const { kind } = await answer(tag, requestOf(tag, { text: 'x' }), options, ROOT_CONTEXT, AbortSignal.timeout(5_000))
    assert.equal(kind, 'response')
    assert.deepEqual(turns.slice(0, -1), exampleTurns(tag))
    assert.equal(turns.at(-1)?.text, '<request>\n{\n "text": "x"\n}\n</request>')
  })

  it('are marked for the cache of the Messages API, at their end', async () => {
    await using fake = await new FakeAnthropic({ respond: () => ({ json: { tags: [] } }) }).start()
    const providers = new Map([['anthropic', createAnthropic({ apiKey: 'key', baseUrl: fake.url })]])
    const options = { models: new Models({ providers }), defaultModel: 'anthropic/claude-sonnet-5-5' }
    await answer(tag, requestOf(tag), options, ROOT_CONTEXT, AbortSignal.timeout(5_000))
    const [, , , last, request] = fake.requests[0]?.body.messages ?? []
    const content = [{ type: 'text', text: '{"tags":[]}', cache_control: { type: 'ephemeral' } }]
    assert.deepEqual(last, { role: 'assistant', content })
    assert.equal(typeof request?.content, 'string')
  })
})
