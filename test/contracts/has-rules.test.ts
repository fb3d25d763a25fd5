import assert from 'node:assert/strict'
import { hasRules } from '../../src/contracts/checks/has-rules.ts'
import { compile } from '../support/compile.ts'

describe('hasRules', () => {
  const imports = ['buf/validate/validate.proto', 'deed/v1/annotations.proto'].map((name) => `import "${name}";`)

  it('finds rules wherever they can be, and none where there are none', async () => {
    const bodies = {
      none: 'message M { string text = 1 [(deed.v1.field).instructions = "Short."]; }',
      field: 'message M { string text = 1 [(buf.validate.field).required = true]; }',
      nested: 'message M { message N { string text = 1 [(buf.validate.field).required = true]; } }',
      message: 'message M { option (buf.validate.message).cel = { id: "a", expression: "true" }; }',
      oneof: 'message M { oneof o { option (buf.validate.oneof).required = true; string text = 1; } }',
      predefined: `extend buf.validate.Int32Rules {
        optional bool even = 2000 [(buf.validate.predefined).cel = { id: "b", expression: "this % 2 == 0" }];
      }`,
    }
    const sources = Object.entries(bodies).map(([name, body]) => [
      `${name}.proto`,
      ['syntax = "proto3";', `package ${name};`, ...imports, body].join('\n').replace(/proto3(.*extend)/s, 'proto2$1'),
    ])
    const { file } = await compile(Object.fromEntries(sources))
    const found = file.filter(hasRules).map(({ name }) => name)
    assert.deepEqual(
      found.toSorted(),
      ['field', 'message', 'nested', 'oneof', 'predefined'].map((name) => `${name}.proto`),
    )
  })
})
