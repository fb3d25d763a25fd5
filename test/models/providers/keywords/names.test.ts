import assert from 'node:assert/strict'
import { answers } from '../../../support/keywords.ts'

describe('local/keywords reading names', () => {
  it('tells persons, places and organisations apart', async () => {
    const fields =
      'string manager_name = 1; string city = 2; string country = 3; string company = 4; repeated string people = 5;'
    const texts = [
      'Maria Jensen from Harbour Works Ltd visits us in Copenhagen, Denmark. Our manager is Peter Hansen.',
      'nobody is named here',
    ]
    const [found, nothing] = await answers(fields, texts)
    assert.deepEqual(found, {
      managerName: 'Peter Hansen',
      city: 'Copenhagen',
      country: 'Denmark',
      company: 'Harbour Works Ltd',
      people: ['Maria Jensen', 'Peter Hansen'],
    })
    assert.deepEqual(nothing, {})
  })

  it('takes who wrote the text from how they introduce themselves, in several languages', async () => {
    const texts = ['My name is Jana Vogt.', 'Guten Tag, ich heiße Jana Vogt.', 'Bonjour, je m’appelle Jana Vogt.']
    assert.deepEqual(
      await answers('string customer_name = 1;', texts),
      texts.map(() => ({ customerName: 'Jana Vogt' })),
    )
  })

  it('takes only what can be a phone number for one', async () => {
    const texts = [
      'Reach us at +49 40 5550 1234.',
      'Bitte rufen Sie uns an unter 030 901820, danke. Wir sind da und das ist gut.',
      'The code is +1 23 45 678 and not more.',
      'Order 12345678 is late.',
    ]
    assert.deepEqual(await answers('string phone = 1;', texts), [
      { phone: '+49 40 5550 1234' },
      { phone: '030 901820' },
      {},
      {},
    ])
  })
})
