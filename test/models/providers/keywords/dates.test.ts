import assert from 'node:assert/strict'
import { answers } from '../../../support/keywords.ts'

const sentTime = '2026-03-10T07:00:00Z' // A Tuesday.

describe('local/keywords reading dates', () => {
  it('reads them as people write them, in the language of the text', async () => {
    const texts = [
      'We have to know it by 14 March 2026, please.',
      'Wir brauchen die Antwort bis zum 14. März 2026, bitte.',
      'Nous avons besoin de la réponse avant le 14 mars 2026, merci.',
      'Necesitamos la respuesta para el 14 de marzo de 2026, gracias.',
      'We need it on 14.03.2026, and that is all of it.',
    ]
    const found = await answers('string date = 1;', texts)
    assert.deepEqual(
      found,
      texts.map(() => ({ date: '2026-03-14' })),
    )
  })

  it('reads relative ones from the time that the request says, and not at all without one', async () => {
    const fields = 'google.protobuf.Timestamp due_time = 1; google.protobuf.Timestamp start_time = 2;'
    const text = 'It has been so since Monday; we need it by Friday.'
    const [dated, undated] = await answers(fields, [{ text, sentTime }, text])
    assert.deepEqual(dated, { dueTime: '2026-03-13T00:00:00Z', startTime: '2026-03-09T00:00:00Z' })
    assert.deepEqual(undated, {})
  })

  it('takes no day for what is one here and another there, nor a price, nor a vague time', async () => {
    const texts = [
      'We need it on 3/4/2026.',
      'It costs 2.20 EUR.',
      'That was last week.',
      'We do it now.',
      'In March 2026 we open.',
    ]
    const found = await answers(
      'string date = 1;',
      texts.map((text) => ({ text, sentTime })),
    )
    assert.deepEqual(
      found,
      texts.map(() => ({})),
    )
  })

  it('takes no day that a Timestamp does not hold', async () => {
    const fields = 'google.protobuf.Timestamp due_time = 1; repeated google.protobuf.Timestamp dates = 2;'
    const texts = ['We need it by tomorrow.', 'In 9999 years, then.', 'On 31/02/2026 or 2026-02-30.']
    const found = await answers(
      fields,
      texts.map((text) => ({ text, sentTime: '9999-12-31T23:59:59Z' })),
    )
    assert.deepEqual(found, [{}, {}, {}])
  })

  it('reads durations with the words of several languages', async () => {
    const texts = [
      'We waited two weeks.',
      'Wir warten seit drei Tagen.',
      'Nous attendons depuis 2 heures.',
      'Llevamos una hora esperando.',
    ]
    assert.deepEqual(await answers('google.protobuf.Duration waiting_time = 1;', texts), [
      { waitingTime: '1209600s' },
      { waitingTime: '259200s' },
      { waitingTime: '7200s' },
      { waitingTime: '3600s' },
    ])
  })
})
