import assert from 'node:assert/strict'
import { trainCentroids } from '../../bench/centroid.ts'
import { packagesOf } from '../../bench/packages.ts'

const stanza = (fields: Record<string, string>) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')

describe('packages of a bench', () => {
  it('are one for each source and description, without the archive area, always in the same order', () => {
    const stanzas = [
      stanza({ Package: 'chess', Section: 'contrib/games', Description: 'a game of chess' }),
      stanza({ Package: 'chess-data', Source: 'chess (1.2)', Section: 'games', Description: 'data for chess' }),
      stanza({ Package: 'copy', Section: 'games', Description: 'a mail reader' }),
      stanza({ Package: 'post', Section: 'mail', Description: 'a mail reader' }),
      stanza({ Package: 'long', Section: 'mail', 'Description-en': 'sends mail\n It does so\n .\n at night' }),
      stanza({ Package: 'bare', Section: 'mail' }),
    ]
    const packages = packagesOf(stanzas.join('\n\n'))
    assert.deepEqual(packagesOf(stanzas.toReversed().join('\n\n\n')), packages)
    assert.equal(packages.length, 3)
    assert.equal(packages.filter(({ name }) => name.startsWith('chess')).length, 1)
    assert.equal(packages.find(({ name }) => name === 'long')?.description, 'sends mail\nIt does so\n\nat night')
    assert.ok(packages.every(({ section }) => !section.includes('/')))
    assert.deepEqual(packagesOf(''), [])
  })
})

describe('nearest centroid', () => {
  it('says the class whose words a text has, and nothing of words that it never saw', () => {
    const centroid = trainCentroids([
      { text: 'a game of chess', label: 'games' },
      { text: 'a game of cards', label: 'games' },
      { text: 'reads mail', label: 'mail' },
    ])
    assert.equal(centroid('chess and cards'), 'games')
    assert.equal(centroid('sends mail'), 'mail')
    assert.equal(centroid('unheard words'), undefined)
  })
})
