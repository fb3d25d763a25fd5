import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { ValueRow } from '../../bench/rows.ts'
import { folderOf } from '../support/compile.ts'

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))

async function bench(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { signal: AbortSignal.timeout(80_000), stdio: 'pipe' })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

describe('bench -- load', () => {
  it('loads a server of its own, and says how that went beside the targets', async () => {
    await using folder = await folderOf({})
    const plot = join(folder.path, 'load.png')
    const args = ['--rate', '20', '--seconds', '1', '--model-ms', '30', '--plot', plot, '--json']
    const { code, stdout, stderr } = await bench('load', ...args)
    const rows = stdout.split('\n').slice(0, -1)
    const parsed = new Map(rows.map((line): [string, ValueRow] => [JSON.parse(line).name, JSON.parse(line)]))
    const figure = (name: string) => Number(parsed.get(name)?.value)
    assert.equal(parsed.get('calls')?.value, 20, stderr)
    assert.equal(parsed.get('errors')?.value, 0)
    assert.ok(figure('p50') >= 30 && figure('p95') >= figure('p50') && figure('maximum') >= figure('p99'))
    // How fast the machine is today is not for a test to say, but what follows from it is.
    for (const name of ['p95 beside the model', 'p99', 'maximum', 'commit statement, p95']) {
      const row = parsed.get(name)
      assert.ok(row?.target && figure(name) > 0)
      assert.equal(row.ok, figure(name) < row.target)
    }
    assert.equal(code, [...parsed.values()].some(({ ok }) => ok === false) ? 1 : 0)
    assert.equal((await readFile(plot)).toString('latin1', 1, 4), 'PNG')
    assert.match(stderr, /^load: \d+ of 1 s: \d+ answered, 0 failed, \d+ under way/m)
  }).timeout(90_000)

  it('refuses in one line, before it starts anything, what cannot be', async () => {
    const [rate, folder] = await Promise.all([bench('call', '--rate', '5'), bench('load', '--plot', '/')])
    assert.deepEqual(rate, { code: 2, stdout: '', stderr: "error: unknown option '--rate'\n" })
    assert.deepEqual(folder, { code: 2, stdout: '', stderr: 'error: / is a folder: --plot needs a file\n' })
  })
})
