import assert from 'node:assert/strict'
import type { JsonValue } from '@bufbuild/protobuf'
import { parseAnswer } from '../../../src/contracts/codec.ts'
import { answers, complete, fill, HEAD } from '../../support/keywords.ts'
import { methodOf, methodsOf, requestOf } from '../../support/methods.ts'

describe('local/keywords', () => {
  it('chooses the enum value whose name and comment share most words with the text', async () => {
    const kind = `enum Kind {
      KIND_UNSPECIFIED = 0;
      // Invoices and refunds.
      KIND_BILLING = 1;
      // Parcels that are late.
      KIND_DELIVERY = 2;
      KIND_SPAM = 3;
    }`
    const fields = 'Kind kind = 1 [(buf.validate.field).enum.not_in = 3];'
    const texts = ['I was charged; refund my invoice', 'Where is my parcel?', 'Billed twice', 'Good day', 'spam']
    const [refund, parcel, billed, nothing, forbidden] = await answers(fields, texts, kind)
    assert.deepEqual(refund, { kind: 'KIND_BILLING' })
    assert.deepEqual(parcel, { kind: 'KIND_DELIVERY' })
    assert.deepEqual(billed, { kind: 'KIND_BILLING' })
    assert.deepEqual(nothing, {})
    assert.deepEqual(forbidden, {})
  })

  it('leaves fields without evidence unset, so that a rule that needs one is broken', async () => {
    const method = await methodOf(
      `${HEAD} message Res { string email = 1 [(buf.validate.field).string.email = true]; }`,
    )
    const { text } = await complete(method, requestOf(method, { text: 'nothing here' }))
    assert.equal(text, '{}')
    const parsed = parseAnswer(method, text)
    assert.equal(parsed.kind, 'invalid')
  })

  it('finds addresses, numbers, dates and references by what a string is called', async () => {
    const fields = `
      string contact_email = 1; string website_url = 2; string phone_number = 3; string due_date = 4;
      string order_id = 5; string invoice_number = 6; string currency = 7; string language = 8;
      repeated string emails = 9; string customer_name = 10;`
    const text = `Our order no. 48213 is late, see https://shop.example.com/o/48213. We need it before 2026-04-01.
Invoice INV-2041 over 12.50 EUR is paid. Write to desk@example.com or ops@example.com, or call +44 20 7946 0000.

Kind regards,
Reading Room`
    const [found] = await answers(fields, [text])
    assert.deepEqual(found, {
      contactEmail: 'desk@example.com',
      websiteUrl: 'https://shop.example.com/o/48213',
      phoneNumber: '+44 20 7946 0000',
      dueDate: '2026-04-01',
      orderId: '48213',
      invoiceNumber: 'INV-2041',
      currency: 'EUR',
      language: 'en',
      emails: ['desk@example.com', 'ops@example.com'],
      customerName: 'Reading Room',
    })
  })

  it('takes what stands behind a label of the same name, also where only a suffix differs', async () => {
    const fields =
      'string cost_centre = 1; string order_id = 2; int64 seats = 3; bool insured = 4; repeated string tags = 5;'
    const [found] = await answers(fields, [
      'Cost centre: North 4\nOrder: A-77\nSeats: 12\nInsured: no\nTags: red, blue, red',
    ])
    assert.deepEqual(found, {
      costCentre: 'North 4',
      orderId: 'A-77',
      seats: '12',
      insured: false,
      tags: ['red', 'blue'],
    })
  })

  it('reads numbers, amounts, times and durations by the words beside them', async () => {
    const fields = `
      int32 nights = 1; double rating = 2; int64 total_minor_units = 3; double shipping_cost = 4;
      google.protobuf.Timestamp start_time = 5; google.protobuf.Timestamp due_time = 6;
      google.protobuf.Duration waiting_time = 7; google.protobuf.UInt64Value guests = 8;
      google.protobuf.Timestamp cancelled_time = 9; int32 discount_percent = 10; float tax_amount = 11;`
    const text = `We stay 4 nights from 2026-05-01 14:00 and must know by 2026-04-20T09:30:00+02:00. I gave a rating of 4.5.
Shipping 5.00 EUR, total 1,234.50 EUR with 15 % discount for two guests. We waited 1h 30m.`
    const [found] = await answers(fields, [text])
    assert.deepEqual(found, {
      nights: 4,
      rating: 4.5,
      totalMinorUnits: '123450',
      shippingCost: 5,
      startTime: '2026-05-01T14:00:00Z',
      dueTime: '2026-04-20T09:30:00+02:00',
      waitingTime: '5400s',
      guests: '2',
      discountPercent: 15,
    })
  })

  it('takes a boolean as stated when all words of its name are in one sentence, and as denied after a negation', async () => {
    const fields = 'optional bool refund_requested = 1; google.protobuf.BoolValue is_damaged = 2;'
    const texts = ['I request a refund. The box is damaged.', 'I do not want a refund.', 'Hello there']
    assert.deepEqual(await answers(fields, texts), [
      { refundRequested: true, isDamaged: true },
      { refundRequested: false },
      {},
    ])
  })

  it('makes messages out of the lines of a list, without those that break the rules of their message', async () => {
    const item = `
      message Item {
        string name = 1 [(buf.validate.field).string.min_len = 1];
        int32 quantity = 2 [(buf.validate.field).int32.gte = 1];
        Price unit_price = 3;
      }
      message Price { string currency_code = 1; int64 units = 2; int32 nanos = 3; }`
    const text = 'We order:\n- 3 x Blue mug at 4.50 EUR each\n* 2 boxes of gloves\n- and thank you\n\n1. Tea pot x 1'
    const [found] = await answers('repeated Item items = 1; int32 item_count = 2;', [text], item)
    assert.deepEqual(found, {
      items: [
        { name: 'Blue mug', quantity: 3, unitPrice: { currencyCode: 'EUR', units: '4', nanos: 500_000_000 } },
        { name: 'gloves', quantity: 2 },
        { name: 'Tea pot', quantity: 1 },
      ],
      itemCount: 3,
    })
  })

  it('fills a nested message from its own label, and leaves it out when it would break its rules', async () => {
    const address = `message Address {
      string street = 1; string postal_code = 2; string city = 3; string country = 4;
      option (buf.validate.message).cel = {id: "c" message: "needs a city" expression: "this.city != ''"};
    }`
    const texts = ['Ship to: 12 Quay Street, Port Ellis, PE3 4QD, Wales', 'Delivery:\nDoor 4', 'Ship to: us']
    assert.deepEqual(await answers('Address ship_to = 1;', texts, address), [
      { shipTo: { street: '12 Quay Street', postalCode: 'PE3 4QD', city: 'Port Ellis', country: 'Wales' } },
      {},
      {},
    ])
  })

  it('sets the first member of a oneof that has evidence', async () => {
    const fields = 'oneof contact { string email = 1; string phone = 2; }'
    const texts = ['call 020 7946 0000 or write to a@example.com', 'call 020 7946 0000', 'come by']
    assert.deepEqual(await answers(fields, texts), [{ email: 'a@example.com' }, { phone: '020 7946 0000' }, {}])
  })

  it('reads maps and structs from lines with a key, and lists of strings from the lines under their heading', async () => {
    const fields = `
      map<string, string> attributes = 1; map<string, int32> sizes = 2; google.protobuf.Struct form = 3;
      repeated string action_items = 4; repeated string risks = 5;`
    const text = 'Colour: red\nWidth: 20 cm\n\nActions:\n- call the depot\n\nRisks:\n- rain'
    const [found] = await answers(fields, [text])
    assert.deepEqual(found, {
      attributes: { Colour: 'red', Width: '20 cm' },
      sizes: { Width: 20 },
      form: { Colour: 'red', Width: '20 cm' },
      actionItems: ['call the depot'],
      risks: ['rain'],
    })
  })

  it('summarises by first sentences within the length that the rules allow, counted in characters', async () => {
    const fields = `
      string summary = 1 [(buf.validate.field).string.max_len = 40];
      string title = 2 [(buf.validate.field).string.max_len = 12];`
    const texts = ['Hi,\n\nthe pump leaks. It is new. It stands in the cellar of the house.', '🌧'.repeat(60)]
    const [short, emoji] = await answers(fields, texts)
    assert.deepEqual(short, { summary: 'the pump leaks. It is new.', title: 'the pump…' })
    assert.deepEqual(emoji, { summary: `${'🌧'.repeat(39)}…`, title: `${'🌧'.repeat(11)}…` })
  })

  it('copies fields of the request by name and type, or by the name in their comment', async () => {
    const [method] = (
      await methodsOf(`
      syntax = "proto3";
      package test.v1;
      import "google/protobuf/any.proto";
      import "google/protobuf/field_mask.proto";
      import "google/protobuf/timestamp.proto";
      service S { rpc M(Req) returns (Res); }
      message Req {
        string subject = 1; google.protobuf.Timestamp sent_time = 2; Note note = 3; map<string, int64> scores = 4;
        string priority = 5; google.protobuf.FieldMask mask = 6; bytes data = 7; google.protobuf.Any any = 8;
        repeated Note notes = 9;
      }
      message Note { string name = 1; string author = 2; repeated Note replies = 3; }
      enum Priority { PRIORITY_UNSPECIFIED = 0; PRIORITY_HIGH = 1; }
      message Res {
        string subject = 1; google.protobuf.Timestamp sent_time = 2; string name = 3; map<string, int64> scores = 4;
        Priority priority = 5; google.protobuf.FieldMask mask = 6; bytes data = 7; google.protobuf.Any any = 8;
        // Each \`author\` once.
        repeated string people = 9;
        // As in \`subject\`.
        string about = 10;
        int32 subject_count = 11;
        uint64 reply_count = 12;
      }`)
    ).values()
    assert.ok(method)
    const request: JsonValue = {
      subject: 'Hello',
      sentTime: '2026-01-02T03:04:05Z',
      note: { name: 'Not the name', author: 'b', replies: [{ author: 'a' }, { author: 'b' }] },
      scores: { a: '9007199254740993' },
      priority: 'high',
      mask: 'a.b,c',
      data: 'AAE=',
    }
    assert.deepEqual(await fill(method, requestOf(method, request)), {
      subject: 'Hello',
      sentTime: '2026-01-02T03:04:05Z',
      scores: { a: '9007199254740993' },
      priority: 'PRIORITY_HIGH',
      mask: 'a.b,c',
      data: 'AAE=',
      people: ['b', 'a'],
      about: 'Hello',
      replyCount: '2',
    })
  })

  it('does not go around in circles through messages that contain themselves', async () => {
    const node =
      'message Node { string email = 1; Node child = 2; repeated Node nodes = 3; Pair pair = 4; } message Pair { Node left = 1; Node right = 2; }'
    const [found] = await answers('Node root = 1;', ['a@example.com\n- b@example.com'], node)
    assert.deepEqual(found, { root: { email: 'a@example.com' } })
  })

  it('gives the same answer each time, in one piece, and counts words as usage', async () => {
    const method = await methodOf(`${HEAD} message Res { string email = 1; }`)
    const request = requestOf(method, { text: 'Write to a@example.com' })
    const first = await complete(method, request)
    assert.deepEqual(await complete(method, request), first)
    assert.deepEqual(first.end, {
      kind: 'end',
      stop: 'complete',
      usage: { inputTokens: 5, outputTokens: 4, cacheReadTokens: 0, cacheWriteTokens: 0 },
      providerRequestId: '',
    })
  })

  it('does nothing when the signal has fired', async () => {
    const method = await methodOf(`${HEAD} message Res { string email = 1; }`)
    await assert.rejects(complete(method, requestOf(method), AbortSignal.abort()), { name: 'AbortError' })
  })
})
