import assert from 'node:assert/strict'
import type { Method } from '../../../../src/contracts/method.ts'
import { complete, HEAD } from '../../../support/keywords.ts'
import { methodOf, requestOf } from '../../../support/methods.ts'

describe('local/keywords on odd text', () => {
  let method: Method
  before(async () => {
    method = await methodOf(`${HEAD}
        enum Kind { KIND_UNSPECIFIED = 0; KIND_BILLING = 1; }
        message Item { string name = 1; int32 quantity = 2; double price = 3; google.protobuf.Timestamp due_time = 4; }
        message Res {
          Kind kind = 1; string email = 2; string url = 3; string phone = 4; string order_id = 5; string summary = 6;
          string title = 7; string customer_name = 8; google.protobuf.Timestamp due_time = 9; double total_price = 10;
          google.protobuf.Duration duration = 11; repeated Item items = 12; map<string, string> attributes = 13;
          repeated string tags = 14; repeated string action_items = 15; bool is_paid = 16; int64 guests = 17;
          repeated string questions = 18; string city = 22; string company = 23; repeated string people = 24; optional bool damaged = 25;
          string code = 26 [(buf.validate.field).string.pattern = "^T-[0-9]+$"]; string host = 27 [(buf.validate.field).string.hostname = true];
          repeated google.protobuf.Timestamp dates = 28; string sku = 19; string language = 20; google.protobuf.Struct data = 21;
        }`)
  })

  const size = 64 * 1024
  const pieces = [
    'a',
    '7',
    '@',
    ' ',
    '\n',
    '.',
    '-',
    ':',
    '#',
    '€',
    'A',
    '\t',
    '. ',
    '? ',
    'a@',
    'a.',
    '1 ',
    '1,',
    '+1 ',
    '- a\n',
    '2 x a\n',
    'A: b\n',
    'Ab:\n',
    '#a ',
    '€1 ',
    '2026-01-01 ',
    '1h ',
    'http://',
    'https://a ',
    'A-1 ',
    'please go. ',
    'total 1 EUR ',
    '\n- ',
    'a\nb',
    '((',
    'regards\n',
    'This is A',
    '\u{1f327}',
    '\ud83c',
    '\udf27',
    '\u0000',
    'é',
    "'",
    'order 1a1 ',
    'Monday ',
    'on May 3 ',
    '3/4/2026 ',
    '+49 40 5550 1234 ',
    '020 7946 0000 ',
    'Maria Jensen ',
    'Mr. A. B. ',
    '| a | b |\n',
    'a\tb\n',
    '請求',
    'ก',
    'مرحبا ',
    '\u202e',
    'T-',
    'a.b.',
    'not ',
    'drei Tage ',
    '1 000 ',
    'a=b\n',
  ]
  for (const piece of pieces) {
    it(`takes 64 KiB of ${JSON.stringify(piece)} in its stride`, async () => {
      const start = performance.now()
      const text = piece.repeat(Math.ceil(size / piece.length))
      const request = requestOf(method)
      Object.assign(request, { text })
      const answer = await complete(method, request)
      JSON.parse(answer.text)
      assert.ok(answer.text.isWellFormed())
      // In fact 5 to 700 ms; a regular expression that goes back over its text would take minutes.
      assert.ok(performance.now() - start < 5_000)
    })
  }

  it('looks at the first 64 KiB only, and cuts no character in half', async () => {
    const head = '🌧'.repeat(16 * 1024 - 1)
    const text = (await complete(method, requestOf(method, { text: `${head}🌧🌧 a@example.com` }))).text
    assert.equal('email' in JSON.parse(text), false)
    const near = (await complete(method, requestOf(method, { text: `a@example.com ${head}` }))).text
    assert.equal(JSON.parse(near).email, 'a@example.com')
    assert.ok(near.isWellFormed())
  })
})
