import assert from 'node:assert/strict'
import type { JsonValue } from '@bufbuild/protobuf'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { fingerprint } from '../../../src/contracts/fingerprint.ts'
import { toModelJson } from '../../../src/models/model-json.ts'
import { type StrictSchema, strictSchema } from '../../../src/models/providers/openai-schema.ts'
import { readAnswer } from '../../../src/models/read-answer.ts'
import { type JsonSchema, responseSchema } from '../../../src/models/schema.ts'
import { drawContract } from './contract.ts'
import { drawFrom } from './draw.ts'
import { drawMessage } from './message.ts'

const numRuns = Number(process.env['DEED_PROPERTY_RUNS'] ?? 50)

describe(`${numRuns} random contracts, as OpenAI's strict mode has them`, function () {
  this.timeout(Math.max(30_000, numRuns * 1_000))

  it('are answered with null for what is left out, which is read as the message that was meant', () => {
    let strictly = 0
    const property = fc.property(fc.gen(), (g) => {
      const draw = drawFrom(g)
      const contract = drawContract(draw)
      const { method } = contract
      const schema = responseSchema(method)
      const strict = strictSchema(schema, method)
      if (!strict) return
      strictly++
      assertStrict(strict)
      const accepts = new Ajv2020({ strict: false, ownProperties: true, validateFormats: false }).compile(strict)
      const message = drawMessage(draw, contract)
      const json = withNulls(toModelJson(method, message), schema)
      const text = JSON.stringify(json)
      if (!accepts(json)) assert.fail(`${JSON.stringify(accepts.errors)} ${text}`)
      const read = readAnswer(method, text)
      if (read.kind === 'invalid') assert.fail(`${JSON.stringify(read.violations)} ${text}`)
      assert.ok(fingerprint(method.output, read.message).equals(fingerprint(method.output, message)), text)
    })
    fc.assert(property, { numRuns, endOnFailure: true, includeErrorInReport: true })
    assert.ok(strictly > numRuns / 4, `${strictly} of ${numRuns} have a strict schema`)
  })
})

/** Every object requires all that it may have. */
function assertStrict(schema: StrictSchema): void {
  if ('anyOf' in schema) {
    for (const either of schema.anyOf) assertStrict(either)
    return
  }
  if (schema.items) assertStrict(schema.items)
  if (!schema.properties) return
  assert.deepEqual(schema.required, Object.keys(schema.properties))
  assert.equal(schema.additionalProperties, false)
  for (const property of Object.values(schema.properties)) assertStrict(property)
}

/** The answer with null for each property that it leaves out. */
function withNulls(json: JsonValue, schema: JsonSchema): JsonValue {
  if (Array.isArray(json)) return json.map((item) => (schema.items ? withNulls(item, schema.items) : item))
  if (typeof json !== 'object' || json === null || !schema.properties) return json
  const members = Object.entries(schema.properties).map(([name, property]): [string, JsonValue] => {
    const value = Object.hasOwn(json, name) ? json[name] : undefined
    return [name, value === undefined ? null : withNulls(value, property)]
  })
  return Object.fromEntries(members)
}
