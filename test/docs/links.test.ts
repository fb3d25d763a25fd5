import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { column, type Document, type Passage, parse, readDocuments, root, tableUnder } from '../support/markdown.ts'

/** What each planned thing would be called where someone claimed it. A row that is added needs its words here. */
const words: Readonly<Record<string, RegExp>> = {
  webhooks: /webhook|sendgrid|e-mails? (is|are) sent/i,
  Stripe: /stripe|billing/i,
  JWT: /\bJWTs?\b|access tokens?|refresh tokens?/i,
  'rate limits': /rate limit|\bbudget/i,
  'encryption of payloads': /encrypt/i,
  'TLS in Deed': /\bm?TLS\b/,
  Prometheus: /prometheus|\bmetrics\b/i,
  projects: /(make|create|delete)s? projects/i,
}

/** Says that a thing is not there, or is someone else's. */
const denial =
  /\b(not|no|none|never|without|refused?|refuses|planned|unencrypted|instead|outside)\b|speaks TLS|TLS to PostgreSQL|sslmode|by the platform|gateway/i

describe('the documents', () => {
  let documents: Map<string, Document>

  before(async () => {
    documents = await readDocuments()
  })

  it('link only to what is there', async () => {
    const broken: string[] = []
    for (const [path, { passages }] of documents) {
      for (const { line, text } of passages) {
        for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
          if (/^https:\/\//.test(target)) continue
          const [file = '', anchor] = target.split('#')
          const to = file === '' ? path : normalize(join(dirname(path), file))
          const found = await stat(join(root, to)).catch(() => undefined)
          const anchored = anchor === undefined || documents.get(to)?.anchors.has(anchor)
          if (!found || !anchored) broken.push(`${path}:${line}: ${target}`)
        }
      }
    }
    assert.deepEqual(broken, [])
  })

  it('have a word for everything that is planned', () => {
    const planned = column(tableUnder(documents.get('docs/specification.md'), 'Future enhancements'), 'planned')
    assert.deepEqual(planned, Object.keys(words))
  })

  it('claim nothing that is planned', () => {
    const claimed = [...documents].flatMap(([path, { passages }]) =>
      passages.filter(isClaim).map((at) => `${path}:${at.line}: ${at.text}`),
    )
    assert.deepEqual(claimed, [])
  })

  it('would be caught at claiming it', () => {
    for (const text of ['Deed sends a webhook when a result is there.', '| limits | rate limits per key |']) {
      assert.deepEqual(parse('x.md', `# X\n\n${text}\n`).passages.map(isClaim), [false, true])
    }
  })

  for (const [what, source] of [
    ['an indented block', 'Text:\n\n    npm start\n'],
    ['a block in a list', '- Text:\n\n  ```sh\n  npm start\n  ```\n'],
    ['HTML', '<pre>npm start</pre>\n'],
    ['a fence of tildes', '~~~sh\nnpm start\n~~~\n'],
    ['a block without an end', '```sh\nnpm start\n'],
  ] as const) {
    it(`may not hide a command in ${what}`, () => {
      assert.throws(() => parse('x.md', source), /^Error: x\.md:\d: /)
    })
  }
})

/** The section on what is planned may say what it is. */
function isClaim({ text, under }: Passage): boolean {
  // A heading claims nothing; what stands under it may.
  if (text === under.at(-1)) return false
  if (under.includes('Future enhancements')) return false
  return Object.values(words).some((word) => word.test(text)) && !denial.test(text)
}
