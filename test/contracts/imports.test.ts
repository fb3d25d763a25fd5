import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeCommonImports } from '../../src/contracts/imports.ts'
import { compile, folderOf } from '../support/compile.ts'

async function filesOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1)).toSorted()
}

describe('writeCommonImports', () => {
  it('writes what contracts may import, and nothing that buf has built in', async () => {
    await using folder = await folderOf({})
    const dir = join(folder.path, 'made/on/demand')
    await writeCommonImports(dir)
    const files = await filesOf(dir)
    for (const expected of [
      'buf/validate/validate.proto',
      'deed/v1/annotations.proto',
      'google/api/annotations.proto',
      'google/longrunning/operations.proto',
      'google/rpc/error_details.proto',
      'google/type/money.proto',
    ]) {
      assert.ok(files.includes(expected), expected)
    }
    assert.deepEqual(
      [...new Set(files.map((file) => file.split('/').slice(0, -1).join('/')))],
      ['buf/validate', 'deed/v1', 'google/api', 'google/longrunning', 'google/rpc', 'google/type'],
    )
  })

  it('copies the annotations as they are, over what was there', async () => {
    await using folder = await folderOf({ 'deed/v1/annotations.proto': 'old' })
    await writeCommonImports(folder.path)
    const written = await readFile(join(folder.path, 'deed/v1/annotations.proto'), 'utf8')
    assert.equal(written, await readFile(new URL('../../proto/deed/v1/annotations.proto', import.meta.url), 'utf8'))
  })

  it('writes files that compile, every one of them', async () => {
    await using folder = await folderOf({})
    await writeCommonImports(folder.path)
    const files = await filesOf(folder.path)
    const imports = files.map((file) => `import "${file}";\n`).join('')
    const set = await compile({ 'all.proto': `syntax = "proto3";\n${imports}` })
    const compiled = new Set(set.file.map(({ name }) => name))
    assert.deepEqual(
      files.filter((file) => !compiled.has(file)),
      [],
    )
  })
})
