import assert from 'node:assert/strict'
import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf'
import { Failure } from '../../src/cli/failure.ts'
import { encodeRequest, type RequestData } from '../../src/cli/request-data.ts'
import type { Method } from '../../src/contracts/method.ts'
import { methodOf } from '../support/methods.ts'

const source = `syntax = "proto3";
package test.v1;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
service Desk { rpc File(Ticket) returns (Ticket); }
message Ticket {
  string note = 1;
  uint64 number = 2;
  double ratio = 3;
  bool open = 4;
  google.protobuf.Timestamp time = 5;
  map<int32, string> labels = 6;
  repeated Ticket parts = 7;
  google.protobuf.Struct more = 8;
  int32 small = 9;
}
`

describe('a request in YAML', () => {
  let method: Method
  before(async () => {
    method = await methodOf(source)
  })

  async function read(text: string, format: RequestData['format'] = 'either'): Promise<JsonValue> {
    const bytes = await encodeRequest(method.input, { text, format }, method.registry)
    return toJson(method.input, fromBinary(method.input, bytes), { registry: method.registry })
  }

  async function refused(text: string, format: RequestData['format'] = 'either'): Promise<string> {
    try {
      await read(text, format)
    } catch (error) {
      assert.ok(error instanceof Failure, String(error))
      assert.equal(error.exitCode, 2)
      const line = [error.message, ...error.lines].join(': ')
      assert.ok(!line.includes('\n'), line)
      return line
    }
    return assert.fail('it was not refused')
  }

  it('is read by the rules of YAML 1.2', async () => {
    const text = `# A comment.
note: no
number: 18446744073709551615
ratio: 1.5
open: true
time: 2026-01-31T09:30:00Z
labels: {1: one, -2: "two"}
parts:
  - note: |
      two
      lines
  - small: 0x1f
more: {when: 2026-01-31, list: [1, 2.5, null, yes]}
`
    assert.deepEqual(await read(text), {
      note: 'no',
      number: '18446744073709551615',
      ratio: 1.5,
      open: true,
      time: '2026-01-31T09:30:00Z',
      labels: { '-2': 'two', '1': 'one' },
      parts: [{ note: 'two\nlines\n' }, { small: 31 }],
      more: { when: '2026-01-31', list: [1, 2.5, null, 'yes'] },
    })
    assert.deepEqual(await read('ratio: .inf'), { ratio: 'Infinity' })
    assert.deepEqual(await read('more: &b {note: x}\nnote: y'), {
      note: 'y',
      more: { note: 'x' },
    })
  })

  it('may be in one line, or be JSON', async () => {
    assert.deepEqual(await read('{note: hi, number: 9007199254740993}'), { note: 'hi', number: '9007199254740993' })
    assert.deepEqual(await read("{'note': 'hi'}"), { note: 'hi' })
    assert.deepEqual(await read('{"note": "hi"}', 'yaml'), { note: 'hi' })
    assert.deepEqual(await read(' {"note": "a: b"} '), { note: 'a: b' })
    assert.deepEqual(await read('{}'), {})
  })

  it('is no excuse for JSON that is wrong', async () => {
    for (const text of ['{"note": }', '{"note": hi}', '{"note": "x",}', '{note}', 'hello', '', '[', '{', '{"a" "b"}']) {
      assert.match(await refused(text), /^the request is not JSON: .* at line \d+ column \d+$/, text)
    }
  })

  it('is refused where it is wrong', async () => {
    for (const [text, line] of [
      ['note: x\nnote: y', /^the request is not YAML: Map keys must be unique at line 2 column 1$/],
      ['note: "x', /^the request is not YAML: Missing closing "quote at line 1 column \d+$/],
      ['note: x\n---\nnote: y', /^the request is not YAML: .*multiple documents.* at line 2 column 1$/],
      ['note: !secret x', /^the request is not YAML: Unresolved tag: !secret at line 1 column 7$/],
      ['note: *gone', /^the request is not YAML: .*gone/],
      ['? [a, b]\n: c', /^the request is not YAML: /],
      ['- note: x', /^the request is not a test\.v1\.Ticket: must be an object$/],
      ['note: 48213', /: note: must be a string$/],
      ['number: 18446744073709551616', /: number: must be an integer from 0 to 18446744073709551615$/],
      ['small: 3000000000', /: small: must be an integer from/],
      [
        'more: {n: 9007199254740993}',
        /^the request has a number that JSON rounds: write it as a string, "9007199254740993"$/,
      ],
    ] as const) {
      assert.match(await refused(text, 'yaml').catch(() => 'taken'), line, text)
    }
    assert.match(await refused('', 'yaml'), /^the request is empty$/)
    assert.match(await refused(`a: ${'['.repeat(20_000)}`, 'yaml'), /^the request is not YAML: /)
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...['b', 'c', 'd', 'e', 'f'].map((k, i) => `${k}: &${k} [${Array(9).fill(`*${'abcdef'[i]}`)}]`),
    ]
    assert.match(await refused(bomb.join('\n'), 'yaml'), /^the request is not YAML: Excessive alias count/)
  })
})
