import assert from 'node:assert/strict'
import type { JsonValue } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { fingerprint } from '../../../src/contracts/fingerprint.ts'
import type { Method } from '../../../src/contracts/method.ts'
import { printFile } from '../../../src/contracts/print.ts'
import { toModelJson } from '../../../src/models/model-json.ts'
import { readAnswer } from '../../../src/models/read-answer.ts'
import { drawContract } from './contract.ts'
import { type Draw, drawFrom } from './draw.ts'
import { drawMessage } from './message.ts'
import { again, type Change, mutations } from './mutations.ts'
import { placesOf } from './places.ts'
import { schemaCheck } from './schema-check.ts'
import { tooLarge } from './wrong-values.ts'

// Random contracts, and random responses that keep their rules. A failure prints its seed and path: run it again with
// `fc.assert(…, { seed, path })`. DEED_PROPERTY_RUNS is for long runs by hand: the number of contracts for each test.

const numRuns = Number(process.env['DEED_PROPERTY_RUNS'] ?? 100)
const messagesEach = 5

describe(`${numRuns} random contracts`, function () {
  this.timeout(Math.max(30_000, numRuns * 1_000))

  it('have a schema that takes what a perfect model writes, which is read as the message that was meant', () => {
    check((draw) => {
      const contract = drawContract(draw)
      const { method } = contract
      const accepts = schemaCheck(method)
      for (let left = messagesEach; left > 0; left--) {
        const message = drawMessage(draw, contract)
        const json = toModelJson(method, message)
        const text = JSON.stringify(json)
        if (!accepts(json)) assert.fail(told(method, text, accepts.errors))
        const read = readAnswer(method, text)
        if (read.kind === 'invalid') assert.fail(told(method, text, read.violations))
        const same = fingerprint(method.output, read.message).equals(fingerprint(method.output, message))
        if (!same) assert.fail(told(method, text, 'it was read as another message'))
      }
    })
  })

  it('have no mutation of such an answer accepted', () => {
    const tried = new Map(mutations.map(({ name }) => [name, 0]))
    check((draw) => {
      const contract = drawContract(draw)
      const { method } = contract
      const accepts = schemaCheck(method)
      for (let left = messagesEach; left > 0; left--) {
        const answer = toModelJson(method, drawMessage(draw, contract))
        for (const { name, text, by } of mutated(draw, method, answer)) {
          tried.set(name, (tried.get(name) ?? 0) + 1)
          const accepted = by === 'schema' ? accepts(JSON.parse(text)) : readAnswer(method, text).kind === 'valid'
          if (accepted) assert.fail(told(method, text, `accepted, in spite of: ${name}`))
        }
        const text = JSON.stringify(answer)
        for (const other of [
          text.slice(0, draw.whole(0, text.length - 1)),
          `${text} Done.`,
          `Here: ${text}`,
          text + text,
        ]) {
          if (readAnswer(method, other).kind === 'valid') assert.fail(told(method, other, 'accepted'))
        }
      }
    })
    assert.deepEqual(
      [...tried].filter(([, count]) => count === 0),
      [],
    )
  })
})

function check(property: (draw: Draw) => void): void {
  fc.assert(
    fc.property(fc.gen(), (g) => property(drawFrom(g))),
    { numRuns, endOnFailure: true, includeErrorInReport: true },
  )
}

/** The answer with each mutation that it has a place for, at one of those. */
function* mutated(draw: Draw, method: Method, answer: JsonValue) {
  const { root, places } = placesOf(method, answer)
  for (const { name, changes, by } of mutations) {
    // Changes of which none has an effect would be answers that are valid.
    const possible = places.flatMap(changes)
    if (possible.length > 0) yield { name, by, text: textWith(root, draw.pick(possible)) }
  }
}

function textWith(root: Record<string, unknown>, { holder, key, value }: Change): string {
  const before = Object.getOwnPropertyDescriptor(holder, key)
  if (value === undefined) delete holder[key]
  // An assignment to __proto__ would be something else.
  else Object.defineProperty(holder, key, { value, configurable: true, enumerable: true, writable: true })
  const text = JSON.stringify(root['answer'])
    .replaceAll(new RegExp(`\\\\*"${tooLarge}\\\\*"`, 'g'), '1e999')
    .replaceAll(again(''), '')
  delete holder[key]
  if (before) Object.defineProperty(holder, key, before)
  return text
}

function told({ output, registry }: Method, text: string, problem: unknown): string {
  return `${JSON.stringify(problem)}\n${text}\n${printFile(output.file, registry)}`
}
