import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { runBuf } from '../../src/contracts/buf.ts'
import { writeCommonImports } from '../../src/contracts/imports.ts'
import { clientProgram } from '../support/client-program.ts'
import { initialisedFolder } from '../support/data-folder.ts'
import { within } from '../support/deed-process.ts'
import { readDocuments } from '../support/markdown.ts'
import {
  copyCheckout,
  filesOf,
  linkPackages,
  linkPrograms,
  personEnvironment,
  root,
  run,
  spacedFolder,
} from '../support/package.ts'

const contract = `syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
import "google/type/money.proto";
// Reads what customers write to a shop.
service MailService {
  // Say what the customer wants.
  rpc ReadMail(ReadMailRequest) returns (ReadMailResponse) { option (deed.v1.method).max_repairs = 1; }
}
enum Wish { WISH_UNSPECIFIED = 0; WISH_REFUND = 1; WISH_INVOICE = 2; }
message ReadMailRequest { string text = 1 [(buf.validate.field).string.min_len = 1]; }
message ReadMailResponse { Wish wish = 1; google.type.Money money = 2; }
`

describe('npm pack', function () {
  this.timeout(120_000)
  const stack = new AsyncDisposableStack()
  let files: { path: string; mode: number }[]
  let project: string

  before(async () => {
    const { path } = stack.use(await spacedFolder())
    const clone = join(path, 'clone')
    await copyCheckout(clone)
    await symlink(join(root, 'node_modules'), join(clone, 'node_modules'))
    await mkdir(join(clone, 'dist'))
    await writeFile(join(clone, 'dist/stale.js'), '// of a file that is gone')
    const { stdout } = await run(clone, 'npm', ['pack', '--json', '--offline', '--pack-destination', path])
    const packed: { filename: string; files: typeof files }[] = Object.values(JSON.parse(stdout))
    const tarball = packed[0]
    assert.ok(tarball)
    files = tarball.files

    project = join(path, 'empty project')
    await mkdir(project)
    await linkPackages(project, 'production', 'folders')
    await run(path, 'tar', ['-xzf', tarball.filename])
    await cp(join(path, 'package'), join(project, 'node_modules/deed'), { recursive: true })
    await linkPrograms(project, { deed: 'deed/bin/deed.js', node: 'node/bin/node' })
    await writeFile(join(project, 'package.json'), '{"type": "module", "dependencies": {"deed": "0.1.0"}}')
  })

  after(() => stack.disposeAsync())

  it('builds a package of what runs, what others import and the licence', async () => {
    const expected = new Set(['LICENSE', 'README.md', 'package.json', 'bin/deed.js', 'gen/deed.binpb'])
    for (const path of await filesOf(join(root, 'proto'))) expected.add(`proto/${path}`)
    for (const path of await filesOf(join(root, 'src'))) {
      // Declarations of what has none say nothing at run time.
      if (!path.endsWith('.d.ts')) expected.add(`dist/src/${path.replace(/\.ts$/, '.js')}`)
    }
    const others = files.map(({ path }) => path).filter((path) => !expected.delete(path))
    assert.deepEqual(
      [...expected].filter((path) => path !== 'dist/src/client.d.ts'),
      [],
    )
    const isOfClient = (path: string) =>
      /^dist\/gen\/.+\.(js|d\.ts)$/.test(path) || /^dist\/src\/(client|errors\/[a-z-]+)\.d\.ts$/.test(path)
    assert.deepEqual(
      others.filter((path) => !isOfClient(path)),
      [],
    )
    assert.ok(others.includes('dist/src/client.d.ts') && others.includes('dist/gen/deed/v1/contract_service.d.ts'))
    assert.equal(files.find(({ path }) => path === 'bin/deed.js')?.mode, 0o755)
  })

  it('packs every file that what is packed looks for beside itself', async () => {
    const there = new Set(files.map(({ path }) => pathToFileURL(join('/', path)).href))
    for (const { path } of files.filter((file) => file.path.endsWith('.js') && file.path.startsWith('dist/'))) {
      const text = await readFile(join(project, 'node_modules/deed', path), 'utf8')
      for (const [, target = ''] of text.matchAll(/new URL\(\s*['"`](\.[^'"`]*)['"`],\s*import\.meta\.url/g)) {
        const url = new URL(target, pathToFileURL(join('/', path)))
        assert.ok(there.has(url.href) || target.endsWith('/'), `${path} looks for ${target}, which is not packed there`)
      }
    }
  })

  it('serves, publishes, calls, and is called by a program with its client', async () => {
    await using data = await initialisedFolder()
    await mkdir(join(project, 'mail'))
    await writeFile(join(project, 'mail/mail.proto'), contract)
    const env = personEnvironment({ DEED_PORT: '0', DEED_DATA_DIR: data.path, DEED_LOG_LEVEL: 'warn' })
    // In a process group of its own, which a terminal would send its Ctrl-C to.
    const child = spawn('npx', ['deed', 'serve'], {
      cwd: project,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const closed = once(child, 'close')
    try {
      const address = await within(60_000, 'the server did not start', addressOf(child))
      const there = { ...env, DEED_ADDRESS: address }
      const published = await run(project, 'npx', ['deed', 'publish', 'mail'], there)
      assert.match(published.stdout, /^published shop\.v1\.MailService version 1\n/)
      // Without npx, the machine's own Node is what starts it.
      const request = ['call', 'shop.v1.MailService/ReadMail', '--json', '-d', '{"text": "Please refund 12.50 EUR."}']
      const answer = await run(project, join(project, 'node_modules/.bin/deed'), request, there)
      assert.equal(JSON.parse(answer.stdout).wish, 'WISH_REFUND')

      await writeFile(join(project, 'program.ts'), clientProgram)
      await typeCheck(project)
      const node = join(project, 'node_modules/.bin/node')
      const { stdout } = await run(project, node, ['program.ts'], {
        ...there,
        DEED_KEY_FILE: join(data.path, 'admin.key'),
      })
      assert.deepEqual(JSON.parse(stdout), {
        contracts: ['contracts/shop.v1.MailService'],
        succeeded: 1,
        refusal: { code: 'INVALID_ARGUMENT', reason: 'REQUEST_INVALID', field: 'page_size' },
      })

      const documented = (await readDocuments()).get('docs/deploying.md')?.blocks.find(({ info }) => info === 'ts')
      assert.ok(documented)
      const here = documented.text
        .replace('127.0.0.1:50051', address)
        .replace('.deed/admin.key', join(data.path, 'admin.key'))
      await writeFile(join(project, 'program.ts'), here)
      await typeCheck(project)
      assert.equal((await run(project, node, ['program.ts'], there)).stdout, "[ 'contracts/shop.v1.MailService' ]\n")
    } finally {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
      await within(20_000, 'the server did not end', closed)
    }
  })

  it('has the annotations where other compilers find them', async () => {
    const own = 'syntax = "proto3"; package own.v1; import "deed/v1/annotations.proto"; message Own {}'
    await mkdir(join(project, 'own'))
    await writeFile(join(project, 'own/own.proto'), own)
    // Protovalidate's rules, which the annotations import, are its own module's.
    await writeCommonImports(join(project, 'common'))
    await cp(join(project, 'common/buf'), join(project, 'rules/buf'), { recursive: true })
    const modules = [{ path: 'own' }, { path: 'rules' }, { path: 'node_modules/deed/proto' }]
    await writeFile(join(project, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }))
    const { code, stderr } = await runBuf(['build', 'own', '-o', 'own.binpb'], project, AbortSignal.timeout(20_000))
    assert.equal(code, 0, stderr)
  })
})

async function addressOf(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout && child.stderr)
  const words: string[] = []
  createInterface(child.stderr).on('line', (line) => words.push(line))
  for await (const line of createInterface(child.stdout)) {
    const address = /listens on (\S+)/.exec(line)?.[1]
    if (address === undefined) continue
    child.stdout.resume()
    return address
  }
  throw new Error(`the server ended: ${words.join('\n')}`)
}

/** As a strict project would, and with what the package's own types say. */
async function typeCheck(folder: string): Promise<void> {
  const compilerOptions = { module: 'nodenext', target: 'esnext', lib: ['esnext'], types: ['node'], strict: true }
  const config = { compilerOptions: { ...compilerOptions, noEmit: true, skipLibCheck: false }, files: ['program.ts'] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))
  await run(folder, process.execPath, [tsc, '-p', folder])
}
