import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ListScanner, type Scanned } from '../../src/models/list-scanner.ts'

/** What a scanner makes of a text in these chunks, and what it says at the end. */
function scan(chunks: readonly string[]): { items: string[]; fault: string | undefined } {
  const scanner = new ListScanner()
  const scanned: Scanned[] = chunks.flatMap((chunk) => scanner.push(chunk))
  const items = scanned.flatMap((each) => (each.kind === 'item' ? [each.text] : []))
  const faults = scanned.flatMap((each) => (each.kind === 'fault' ? [each.description] : []))
  assert.ok(faults.length <= 1)
  assert.ok(faults.length === 0 || scanned.at(-1)?.kind === 'fault', 'something follows a fault')
  return { items, fault: faults[0] ?? scanner.end() }
}

function cut(text: string, places: readonly number[]): string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b)
  return [...ends, text.length].map((end, index) => text.slice(ends[index - 1] ?? 0, end))
}

const space = fc.stringMatching(/^[ \n\r\t]{0,2}$/)
const elements = fc.array(fc.tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 1)), { maxLength: 6 })
const places = fc.array(fc.nat(), { maxLength: 20 })

describe('the scanner of lists', () => {
  it('finds each element of a list, however it is cut', () => {
    const property = fc.property(elements, space, fc.boolean(), places, (values, gap, fence, at) => {
      const texts = values.map(([value, indent]) => JSON.stringify(value, undefined, indent))
      const list = `${gap}{${gap}"items"${gap}:${gap}[${gap}${texts.join(`${gap},${gap}`)}${gap}]${gap}}${gap}`
      const text = fence ? `\`\`\`json\n${list}\n\`\`\`\n` : list
      assert.deepEqual(scan(cut(text, at)), { items: texts, fault: undefined })
    })
    fc.assert(property, { numRuns: 2_000 })
  })

  it('hands an element out with its last character', () => {
    const scanner = new ListScanner()
    const found: string[] = []
    for (const char of '{"items": [{"a": "}]\\"{"}, [[1], 2], "x", 12, true]}') {
      for (const scanned of scanner.push(char)) found.push(`${scanned.kind === 'item' ? scanned.text : '!'} at ${char}`)
    }
    // What has no end of its own ends before what follows.
    assert.deepEqual(found, ['{"a": "}]\\"{"} at }', '[[1], 2] at ]', '"x" at "', '12 at ,', 'true at ]'])
    assert.equal(scanner.end(), undefined)
  })

  it('agrees with JSON.parse on what is a list, whatever a model writes', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"items"',
      '"items',
      '"',
      '\\',
      ' ',
      '\n',
      '1',
      'null',
      '{"a":1}',
      '`',
    )
    const anything = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      fc.tuple(elements, fc.nat(), fc.nat(3), fc.array(piece, { maxLength: 2 })).map(([values, at, gone, put]) => {
        const text = JSON.stringify({ items: values.map(([value]) => value) })
        const from = at % text.length
        return text.slice(0, from) + put.join('') + text.slice(from + gone)
      }),
    )
    const property = fc.property(anything, places, (text, at) => {
      const whole = scan([text])
      assert.deepEqual(scan(cut(text, at)), whole)
      if (text.includes('`')) return
      // Elements are parsed where they are used.
      const parsed = whole.fault === undefined ? whole.items.map(parse) : [undefined]
      const list = parse(text)
      const isList = list instanceof Object && Object.keys(list).join() === 'items' && once(text)
      assert.deepEqual(
        parsed.includes(undefined) ? undefined : parsed,
        isList && 'items' in list && Array.isArray(list.items) ? list.items : undefined,
      )
    })
    fc.assert(property, { numRuns: 5_000 })
  })

  for (const text of [
    '',
    '[]',
    'null',
    '{}',
    '{"items": {}}',
    '{"items": []',
    '{"items": []}}',
    '```\n{"items": []}',
    '{"item": []}',
  ]) {
    it(`finds fault with ${JSON.stringify(text)}`, () => {
      assert.equal(typeof scan([text]).fault, 'string')
    })
  }

  it('bounds what it holds of one element', () => {
    const scanner = new ListScanner()
    scanner.push('{"items": ["')
    const part = 'x'.repeat(1024 * 1024)
    const scanned = [1, 2, 3, 4, 5].flatMap(() => scanner.push(part))
    assert.deepEqual(
      scanned.map(({ kind }) => kind),
      ['fault'],
    )
  })
})

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** JSON.parse forgives a key that is given twice, and one that is written with escapes. */
function once(text: string): boolean {
  const renamed = parse(text.replace(/^\s*\{\s*"items"/, '{"other"'))
  return renamed instanceof Object && Object.keys(renamed).join() === 'other'
}
