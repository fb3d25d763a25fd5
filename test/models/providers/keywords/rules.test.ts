import assert from 'node:assert/strict'
import { answers } from '../../../support/keywords.ts'

describe('local/keywords filling within the rules', () => {
  it('passes over evidence that the rules forbid, for the next', async () => {
    const fields = `
      int32 guests = 1 [(buf.validate.field).int32 = {gte: 1, lte: 20}];
      string email = 2 [(buf.validate.field).string.suffix = "@example.com"];
      google.protobuf.Timestamp start_time = 3 [(buf.validate.field).timestamp.gt = {seconds: 1780000000}];
      double price = 4 [(buf.validate.field).double.in = 12.5];`
    const text = `Not 300 guests, only 12 guests. Write to a@example.org or b@example.com.
It starts on 2026-01-05, no: it starts on 2026-07-05. The price is 10.00 EUR or 12.50 EUR.`
    const [found] = await answers(fields, [text])
    assert.deepEqual(found, { guests: 12, email: 'b@example.com', startTime: '2026-07-05T00:00:00Z', price: 12.5 })
  })

  it('finds what has the form that a rule asks for, but takes no plain word for it', async () => {
    const fields = `
      string ticket = 1 [(buf.validate.field).string.pattern = "^T-[0-9]+$"];
      string trace = 2 [(buf.validate.field).string.uuid = true];
      string host = 3 [(buf.validate.field).string.hostname = true];
      string source = 4 [(buf.validate.field).string.ip = true];
      optional string land = 5 [(buf.validate.field).string.pattern = "^[a-z]{2}$"];`
    const text = 'See (T-991), trace 550e8400-e29b-41d4-a716-446655440000, on db1.example.com from 10.0.0.7.'
    const [found] = await answers(fields, [text])
    assert.deepEqual(found, {
      ticket: 'T-991',
      trace: '550e8400-e29b-41d4-a716-446655440000',
      host: 'db1.example.com',
      source: '10.0.0.7',
    })
  })

  it('writes a value in the form that the rules ask for', async () => {
    const fields = 'string phone = 1 [(buf.validate.field).string.pattern = "^\\\\+[1-9][0-9]{6,14}$"];'
    assert.deepEqual(await answers(fields, ['Call +49 (40) 5550-1234.']), [{ phone: '+494055501234' }])
  })

  it('keeps lists and maps within their rules', async () => {
    const fields = `
      repeated string emails = 1 [(buf.validate.field).repeated = {max_items: 2, unique: true, items: {string: {max_len: 15}}}];
      map<string, string> attributes = 2 [(buf.validate.field).map = {max_pairs: 1, keys: {string: {min_len: 4}}}];`
    const text =
      'a-very-long-name@example.com, a@example.com, b@example.com, c@example.com\nHue: red\nWidth: 3\nHeight: 4'
    const [found] = await answers(fields, [text])
    assert.deepEqual(found, { emails: ['a@example.com', 'b@example.com'], attributes: { Width: '3' } })
  })

  it('makes a summary as long as the rules ask for, of the sentences that say most', async () => {
    const text = `The pump leaks. My dog is well. The pump in the cellar leaks water since Monday. It rains.
The water of the pump runs into the cellar.`
    const [short, long] = [
      ...(await answers('string summary = 1 [(buf.validate.field).string.max_len = 70];', [text])),
      ...(await answers('string summary = 1 [(buf.validate.field).string.min_len = 120];', [text])),
    ]
    assert.deepEqual(short, { summary: 'The pump leaks. The pump in the cellar leaks water since Monday.' })
    assert.match(JSON.stringify(long), /^\{"summary":".{120,300}"\}$/)
  })
})
