import assert from 'node:assert/strict'
import fc from 'fast-check'
import { fingerprint } from '../../../src/contracts/fingerprint.ts'
import { printFile } from '../../../src/contracts/print.ts'
import { toModelJson } from '../../../src/models/model-json.ts'
import { readAnswer } from '../../../src/models/read-answer.ts'
import { responseSchema } from '../../../src/models/schema.ts'
import { type Contract, drawContract } from './contract.ts'
import { drawFrom } from './draw.ts'
import { drawMessage } from './message.ts'
import { schemaCheck } from './schema-check.ts'

describe('random contracts', () => {
  it('get the message back that a perfect model writes', () => {
    const t = { contract: 0, schema: 0, message: 0, read: 0, n: 0 }
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const draw = drawFrom(g)
        let last = performance.now()
        const lap = (name: keyof typeof t) => {
          const now = performance.now()
          t[name] += now - last
          last = now
        }
        const contract = drawContract(draw)
        const { method } = contract
        lap('contract')
        const accepts = schemaCheck(method)
        lap('schema')
        for (let i = 0; i < 5; i++) {
          t.n++
          const message = drawMessage(draw, contract)
          lap('message')
          const json = toModelJson(method, message)
          const text = JSON.stringify(json)
          const read = readAnswer(method, text)
          lap('read')
          assert.ok(accepts(json), told(contract, text, accepts.errors))
          lap('schema')
          if (read.kind === 'invalid') assert.fail(told(contract, text, read.violations))
          const same = fingerprint(method.output, read.message).equals(fingerprint(method.output, message))
          assert.ok(same, told(contract, text, 'another message'))
        }
      }),
      { numRuns: Number(process.env['RUNS'] ?? 50), endOnFailure: true },
    )
    console.log(t)
  })
})

function told({ method }: Contract, text: string, problem: unknown): string {
  return [JSON.stringify(problem), text, JSON.stringify(responseSchema(method)), printFile(method.output.file, method.registry)].join('\n')
}
