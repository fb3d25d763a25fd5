import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runBuf } from '../../src/contracts/buf.ts'
import { keywords } from '../../src/models/providers/keywords.ts'
import { folderOf } from '../support/compile.ts'
import { runCommandHere } from '../support/run-deed.ts'
import { startDeed, type TestDeed } from '../support/server.ts'

describe('deed new', () => {
  let deed: TestDeed
  before(async () => {
    deed = await startDeed(new Map([['test', keywords]]))
  })
  after(() => deed[Symbol.asyncDispose]())

  it('writes what can be published and is answered as it is', async () => {
    await using folder = await folderOf({ 'empty dir/x': '' })
    const env = { DEED_ADDRESS: deed.address, DEED_KEY: deed.project.adminKey }
    for (const name of ['mail', 'acme.ticket-triage', 'StringService']) {
      const path = join(folder.path, name)
      const { code, stdout } = await runCommandHere(['new', path, '--json'])
      assert.equal(code, 0, stdout)
      const made = JSON.parse(stdout)
      assert.deepEqual(
        (await readdir(path)).toSorted().filter((each) => each.includes('.')),
        ['README.md', 'buf.yaml', 'request.yaml'],
      )
      assert.match(await readFile(join(path, 'README.md'), 'utf8'), new RegExp(`npx deed call ${made.method} -d @`))
      const published = await runCommandHere(['publish', path], env)
      assert.equal(published.code, 0, published.stderr)
      const called = await runCommandHere(['call', made.method, '-d', `@${join(path, 'request.yaml')}`], env)
      assert.equal(called.code, 0, called.stderr)
      assert.equal(JSON.parse(called.stdout).orderNumber, '48213')
      const tested = await runCommandHere(['test', path], { DEED_DATA_DIR: join(folder.path, 'data') })
      assert.equal(tested.code, 0, tested.stderr)
      const [contract = ''] = made.method.split('/')
      const shown = await runCommandHere(['contract', 'show', contract, '--schema'], env)
      assert.match(shown.stderr, /^ {2}summary: rule: min len 1; max len 300$/m)
      // What an editor says about it; the dependency needs a network.
      const lint = await runBuf(['lint', '--path', join(path, 'nothing.proto')], path, AbortSignal.timeout(20_000))
      assert.doesNotMatch(lint.stderr, /decode buf\.yaml/)
    }
  }).timeout(60_000)

  it('says what to do next', async () => {
    await using folder = await folderOf({})
    const path = join(folder.path, 'my mail')
    const refused = await runCommandHere(['new', path])
    assert.equal(refused.code, 2)
    const { stdout } = await runCommandHere(['new', join(folder.path, 'acme.support')])
    assert.match(stdout, /^wrote .*acme\.support\n {2}buf\.yaml\n {2}acme\/support\/v1\/support\.proto\n/)
    assert.match(
      stdout,
      /\n {2}npx deed publish \S+\n {2}npx deed call acme\.support\.v1\.SupportService\/ReadSupport -d @\S+\n$/,
    )
  })

  it('changes nothing that is there, and refuses names that make no package', async () => {
    await using folder = await folderOf({ 'mail/x': '', file: '' })
    for (const [name, line, code] of [
      ['mail', /mail is there already and is not empty — give another name$/, 1],
      ['file', /file cannot be a folder: a file is in the way — give another name$/, 1],
      ['1st', /"1st" makes no name of a protobuf package — use letters/, 2],
      ['über', /"über" makes no name of a protobuf package/, 2],
      ['a..b', /makes no name of a protobuf package/, 2],
      ['v1', /makes no name of a protobuf package/, 2],
      ['google.mail', /makes a package with google in it, which is not yours to use/, 2],
      ['x'.repeat(300), /the name is too long|its name is too long/, 1],
    ] as const) {
      const ended = await runCommandHere(['new', join(folder.path, name)])
      assert.deepEqual([ended.code, ended.stdout], [code, ''], name)
      assert.match(ended.stderr.trimEnd(), line)
      assert.match(ended.stderr, /^error: [^\n]+\n$/)
    }
    assert.deepEqual((await readdir(folder.path, { recursive: true })).toSorted(), ['file', 'mail', 'mail/x'])
  })
})
