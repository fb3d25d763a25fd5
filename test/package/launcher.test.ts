import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { folderOf } from '../support/compile.ts'
import { within } from '../support/deed-process.ts'
import { root } from '../support/package.ts'

/** An installed package that wants a newer Node than there is, and prints what it is started with. */
async function installed(main: string) {
  const folder = await folderOf({
    'package.json': JSON.stringify({ type: 'module', engines: { node: '>=999' } }),
    'bin/deed.js': await readFile(join(root, 'bin/deed.js')),
    'dist/src/main.js': main,
  })
  return folder
}

/** The npm package `node`, around the Node that runs the tests. */
async function bringNode(folder: string): Promise<void> {
  await mkdir(join(folder, 'node_modules/node/bin'), { recursive: true })
  await writeFile(join(folder, 'node_modules/node/package.json'), '{"name": "node"}')
  await symlink(process.execPath, join(folder, 'node_modules/node/bin/node'))
}

function start(folder: string, ...args: string[]) {
  const child = spawn(process.execPath, [join(folder, 'bin/deed.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { child, ended: within(20_000, 'it did not end', closed) }
}

describe('bin/deed.js', () => {
  it('hands arguments and exit code on when the machine’s Node is too old', async () => {
    await using folder = await installed('console.log(process.argv.slice(2).join("|")); process.exitCode = 7')
    await bringNode(folder.path)
    const [[code], stdout, stderr] = await start(folder.path, 'call', 'a b', '--json').ended
    assert.deepEqual([code, stdout, stderr], [7, 'call|a b|--json\n', ''])
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`hands ${signal} on, once, and waits for the end`, async () => {
      await using folder = await installed(`
        let signals = 0
        process.on('${signal}', () => { signals += 1; setTimeout(() => { console.log('drained', signals); process.exit(3) }, 50) })
        setInterval(() => {}, 1000)
        console.log('ready')`)
      await bringNode(folder.path)
      const { child, ended } = start(folder.path, 'serve')
      await within(20_000, 'it did not start', once(child.stdout, 'data'))
      child.kill(signal)
      const [[code], stdout] = await ended
      assert.equal(code, 3)
      assert.match(stdout, /drained 1\n$/)
    })
  }

  it('ends as shells say it when a signal ends what it started', async () => {
    await using folder = await installed('process.kill(process.pid, "SIGKILL")')
    await bringNode(folder.path)
    const [[code]] = await start(folder.path).ended
    assert.equal(code, 137)
  })

  it('says in a line what is missing when there is no Node to use', async () => {
    await using folder = await installed('')
    const [[code], stdout, stderr] = await start(folder.path, 'serve').ended
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^error: deed needs Node 999 or newer, and this is v[\d.]+\nhint: .+\n$/)
  })

  it('says in a line when the Node that npm brought cannot be run', async () => {
    await using folder = await installed('')
    await mkdir(join(folder.path, 'node_modules/node/bin'), { recursive: true })
    await writeFile(join(folder.path, 'node_modules/node/package.json'), '{"name": "node"}')
    await writeFile(join(folder.path, 'node_modules/node/bin/node'), '')
    await chmod(join(folder.path, 'node_modules/node/bin/node'), 0o644)
    const [[code], , stderr] = await start(folder.path, 'serve').ended
    assert.equal(code, 1)
    assert.match(stderr, /^error: cannot run .+: .*EACCES\n$/)
  })

  it('runs the sources in a checkout', async () => {
    const [[code], stdout] = await start(root, '--help').ended
    assert.equal(code, 0)
    assert.match(stdout, /^Usage: deed/)
  })
})
