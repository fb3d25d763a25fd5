import assert from 'node:assert/strict'
import { answers } from '../../../support/keywords.ts'

const QUEUE = `enum Queue {
  QUEUE_UNSPECIFIED = 0;
  // Invoices, payments; Rechnung, Zahlung; facture.
  QUEUE_BILLING = 1;
  // Parcels and couriers; Lieferung; livraison.
  QUEUE_DELIVERY = 2;
  // Drop everything.
  QUEUE_URGENT = 3;
}`

describe('local/keywords comparing words', () => {
  it('stems them in the language of the text, and knows a compound by its beginning', async () => {
    const texts = [
      'Die Rechnungen sind falsch und wir haben nicht bezahlt.',
      'Wir haben eine Frage zu der Rechnungsadresse, bitte.',
      'Les livraisons ne sont pas dans le hall, merci.',
    ]
    assert.deepEqual(await answers('Queue queue = 1;', texts, QUEUE), [
      { queue: 'QUEUE_BILLING' },
      { queue: 'QUEUE_BILLING' },
      { queue: 'QUEUE_DELIVERY' },
    ])
  })

  it('does not take a denied name of a value for it', async () => {
    const texts = ['It is not urgent.', 'It is urgent.', 'Not urgent, but the parcel is late.']
    assert.deepEqual(await answers('Queue queue = 1;', texts, QUEUE), [
      {},
      { queue: 'QUEUE_URGENT' },
      { queue: 'QUEUE_DELIVERY' },
    ])
  })

  it('reads a boolean by the other names in its comment, and by clause', async () => {
    const fields = `
      // Whether the goods are damaged: broken, kaputt.
      optional bool damaged = 1;
      optional bool refund_requested = 2;`
    const texts = [
      'The mug is broken.',
      'Die Tasse ist nicht kaputt.',
      'It is not late, I want a refund.',
      "I don't need any refund.",
      'Hello.',
    ]
    assert.deepEqual(await answers(fields, texts), [
      { damaged: true },
      { damaged: false },
      { refundRequested: true },
      { refundRequested: false },
      {},
    ])
  })

  it('tells the language of a text by its script or its commonest words', async () => {
    const texts = [
      'The order is for you and we have not paid.',
      'Wir haben die Ware nicht und das ist schade.',
      'Мы ждём посылку уже неделю',
      '注文番号の請求をお願いします',
      'אנחנו מחכים לחבילה',
      'OK',
    ]
    assert.deepEqual(
      (await answers('string language = 1;', texts)).map((found) => JSON.stringify(found)),
      ['{"language":"en"}', '{"language":"de"}', '{"language":"ru"}', '{"language":"ja"}', '{"language":"he"}', '{}'],
    )
  })

  it('makes messages and maps out of the rows of a table', async () => {
    const item = 'message Item { string name = 1; int32 quantity = 2; double unit_price = 3; }'
    const table =
      '| Product | Qty | Unit price |\n|---|---:|---|\n| Blue mug | 3 | 4.50 EUR |\n| Red mug | 1 | 5.00 EUR |'
    const [rows, pairs] = await answers(
      'repeated Item items = 1; map<string, int32> sizes = 2;',
      [table, 'Part\tSize\nArm\t20\nLeg\t30'],
      item,
    )
    assert.deepEqual(rows, {
      items: [
        { name: 'Blue mug', quantity: 3, unitPrice: 4.5 },
        { name: 'Red mug', quantity: 1, unitPrice: 5 },
      ],
    })
    assert.deepEqual(pairs, { items: [{ name: 'Arm' }, { name: 'Leg' }], sizes: { Arm: 20, Leg: 30 } })
  })
})
