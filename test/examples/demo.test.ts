import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../../examples/support/demo.ts', import.meta.url))

/** Starts the demo with a temporary folder of its own, which tells what it leaves behind. */
async function startDemo(env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'deed-test-'))
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(DEED_|DATABASE_URL|ANTHROPIC_|OPENAI_|OTEL_)/.test(name),
  )
  const child = spawn(process.execPath, [script], {
    env: { ...Object.fromEntries(inherited), TMPDIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(90_000),
  })
  return {
    child,
    ended: once(child, 'close'),
    left: () => readdir(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

describe('npm run demo', () => {
  it('shows typed answers, a refused request and what is stored, and leaves nothing behind', async () => {
    await using demo = await startDemo()
    const [stdout, stderr, [code]] = await Promise.all([text(demo.child.stdout), text(demo.child.stderr), demo.ended])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /answers with local\/keywords/)
    assert.match(
      stdout,
      /\nTriageTicket\n {2}input +right +queue .*\n {2}01-double-charge +\d+\/\d+ +billing .*48213 +yes +2026-03-13/,
    )
    assert.match(
      stdout,
      /\nExtractOrder\n.*\n {2}06-office-order +\d+\/\d+ +PO-1077 +3 +70\.90 EUR +2026-04-02 +Port Ellis/,
    )
    assert.match(stdout, /\nSummarizeThread\n.*\n {2}09-missing-pallet +\d+\/\d+ +3 +negative +2 +3 d/)
    assert.match(
      stdout,
      /\n11-refused-empty-subject is refused with INVALID_ARGUMENT \(REQUEST_INVALID\):\n.*\n {2}subject: /,
    )
    const [, right, expected] = /\nScore: (\d+) of (\d+) expected fields are right \(\d+\.\d %\)\.\n/.exec(stdout) ?? []
    assert.ok(Number(expected) >= 200 && Number(right) >= 0.95 * Number(expected), stdout)
    assert.match(stdout, /\nWhat is stored, the newest 6 of 29:\n/)
    assert.equal(stdout.match(/ succeeded +1x +\$0$/gm)?.length, 6)
    assert.match(
      stdout,
      /\n {2}grpcurl -plaintext .*\n.*\n.*\n {4}127\.0\.0\.1:50051 acme\.support\.v1\.TicketService\/TriageTicket\n/,
    )
    for (const line of stdout.split('\n')) assert.ok(line.length <= 100, line)
    assert.deepEqual(await demo.left(), [])
  }).timeout(100_000)

  it('stops its server and removes its folder when it is interrupted', async () => {
    await using demo = await startDemo()
    for await (const line of createInterface({ input: demo.child.stderr })) {
      if (line.includes('publishing')) demo.child.kill('SIGINT')
      else if (!line.includes('starting')) assert.equal(line, 'demo: interrupted')
    }
    assert.deepEqual(await demo.ended, [1, null])
    assert.deepEqual(await demo.left(), [])
  }).timeout(100_000)

  it('says in one line why it failed', async () => {
    await using demo = await startDemo({ DEED_MODEL: 'nobody/knows' })
    const [stderr, [code]] = await Promise.all([text(demo.child.stderr), demo.ended])
    assert.equal(code, 1)
    assert.match(stderr, /\ndemo: the server did not start: DEED_MODEL must be .*\n$/)
    assert.deepEqual(await demo.left(), [])
  }).timeout(100_000)
})
