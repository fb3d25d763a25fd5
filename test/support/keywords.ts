import assert from 'node:assert/strict'
import type { JsonValue, Message } from '@bufbuild/protobuf'
import { parseAnswer } from '../../src/contracts/codec.ts'
import type { Method } from '../../src/contracts/method.ts'
import type { CompletionEvent } from '../../src/models/provider.ts'
import { keywords } from '../../src/models/providers/keywords.ts'
import { responseSchema } from '../../src/models/schema.ts'
import { methodOf, requestOf } from './methods.ts'

/** A method from a text, and the time that it is from, to `Res`, which is left to write. */
export const HEAD = `
syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message Text { string text = 1; google.protobuf.Timestamp sent_time = 2; }
service S { rpc M(Text) returns (Res); }
`

/** What local/keywords answers to texts by a method with these fields in its response. */
export async function answers(
  fields: string,
  texts: readonly (string | { text: string; sentTime: string })[],
  more = '',
): Promise<JsonValue[]> {
  const method = await methodOf(`${HEAD}\nmessage Res { ${fields} }\n${more}`)
  return Promise.all(texts.map((text) => fill(method, requestOf(method, typeof text === 'string' ? { text } : text))))
}

/** The answer as JSON, once it is known to be in the form of the contract; rules may be broken. */
export async function fill(method: Method, request: Message): Promise<JsonValue> {
  const { text } = await complete(method, request)
  const parsed = parseAnswer(method, text)
  if (parsed.kind === 'invalid')
    assert.ok(
      parsed.violations.every(({ reason }) => reason !== 'json'),
      text,
    )
  return JSON.parse(text)
}

export async function complete(
  method: Method,
  request: Message,
  signal = AbortSignal.timeout(10_000),
): Promise<{ text: string; end: CompletionEvent | undefined }> {
  const asked = {
    model: 'keywords',
    system: '',
    turns: [],
    schema: responseSchema(method),
    maxOutputTokens: 1,
    headers: {},
  }
  const events: CompletionEvent[] = []
  for await (const event of keywords({ ...asked, method, request }, signal)) events.push(event)
  const text = events.map((event) => (event.kind === 'text' ? event.text : '')).join('')
  assert.equal(events.length, 2)
  return { text, end: events.at(-1) }
}
