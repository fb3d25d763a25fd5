import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { findOffences, readSources } from '../../tools/check-imports.ts'

describe('imports', () => {
  it('go one way in all of src', async () => {
    const sources = await readSources(fileURLToPath(new URL('../..', import.meta.url)))
    assert.ok(sources.has('src/main.ts'))
    const offences = findOffences(sources)
    assert.equal(offences.length, 0, `\n${offences.join('\n')}`)
  })

  /** The offences of one file that holds this. */
  const offencesOf = (path: string, source: string) => findOffences(new Map([[path, source]]))

  for (const [path, source] of [
    ['src/main.ts', `import { a } from './cli/a.ts'`],
    ['src/cli/a.ts', `const { serve } = await import('../server.ts')`],
    ['src/cli/a.ts', `import type { Config } from '../config.ts'`],
    ['src/server.ts', `import { config } from './config.ts'\nimport { log } from './telemetry/log.ts'`],
    ['src/rpc/a.ts', `import { b } from './deep/b.ts'\nexport { c } from '../storage/c.ts'`],
    ['src/storage/deep/a.ts', `import { e } from '../../errors/e.ts'\nimport { g } from '../../../gen/g.ts'`],
    ['src/errors/a.ts', `import { g } from '../../gen/g.ts'\nimport { grpc } from '@grpc/grpc-js'`],
  ] as const) {
    it(`may be in ${path}: ${source.replace('\n', '; ')}`, () => assert.deepEqual(offencesOf(path, source), []))
  }

  for (const [path, source, target] of [
    ['src/storage/a.ts', `import { b } from '../models/b.ts'`, 'src/models/b.ts'],
    ['src/storage/a.ts', `import type { B } from '../models/b.ts'`, 'src/models/b.ts'],
    ['src/models/a.ts', `import {\n  b,\n  type C,\n} from '../operations/b.ts'`, 'src/operations/b.ts'],
    ['src/models/a.ts', `export * from '../rpc/b.ts'`, 'src/rpc/b.ts'],
    ['src/models/a.ts', `import '../rpc/b.ts'`, 'src/rpc/b.ts'],
    ['src/models/a.ts', `if (x) await import('../rpc/b.ts')`, 'src/rpc/b.ts'],
    ['src/cli/a.ts', `import { config } from '../config.ts'`, 'src/config.ts'],
    ['src/rpc/a.ts', `import type { Config } from '../config.ts'`, 'src/config.ts'],
    ['src/rpc/a.ts', `import { log } from '../telemetry/log.ts'`, 'src/telemetry/log.ts'],
    ['src/errors/a.ts', `import { s } from '../storage/s.ts'`, 'src/storage/s.ts'],
    ['src/config.ts', `import { s } from './storage/s.ts'`, 'src/storage/s.ts'],
    ['src/telemetry/a.ts', `import { s } from '../server.ts'`, 'src/server.ts'],
    ['src/rpc/a.ts', `import { t } from '../../test/t.ts'`, 'test/t.ts'],
    ['src/rpc/a.ts', `import { t } from '../unknown/t.ts'`, 'src/unknown/t.ts'],
  ] as const) {
    it(`may not be in ${path}: ${source.replaceAll('\n', ' ')}`, () =>
      assert.deepEqual(offencesOf(path, source), [`${path} must not import ${target}`]))
  }

  it('form no cycle', () => {
    const sources = new Map([
      ['src/rpc/a.ts', `import { b } from './b.ts'\nimport { c } from './c.ts'`],
      ['src/rpc/b.ts', `import { c } from './c.ts'`],
      ['src/rpc/c.ts', `import type { B } from './b.ts'`],
    ])
    assert.deepEqual(findOffences(sources), ['a cycle: src/rpc/b.ts → src/rpc/c.ts → src/rpc/b.ts'])
  })
})
