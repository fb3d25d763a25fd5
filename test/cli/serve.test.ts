import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { folderOf } from '../support/compile.ts'
import { covered } from '../support/processes.ts'
import { runCommandHere, runDeed } from '../support/run-deed.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

const source = `syntax = "proto3";
package acme.v1;
import "buf/validate/validate.proto";
// Tickets of customers.
service Tickets {
  // Says what a ticket is about.
  rpc Triage(TriageRequest) returns (TriageResponse);
}
enum Topic {
  TOPIC_UNSPECIFIED = 0;
  TOPIC_BILLING = 1;
  TOPIC_LOGIN = 2;
}
message TriageRequest {
  string subject = 1 [(buf.validate.field).required = true];
}
message TriageResponse {
  Topic topic = 1;
}
`

const broken = {
  'a.proto': 'syntax = "proto3"; package a.v1; message A { Missing x = 1; Missing y = 2; }',
  'b.proto': `syntax = "proto3"; package b.v1; import "google/protobuf/any.proto"; import "buf/validate/validate.proto";
    service B { rpc S(google.protobuf.Any) returns (M); rpc T(M) returns (google.protobuf.Any); }
    message M { string a = 1 [(buf.validate.field).cel = {id: "x", expression: "this.nope > 1"}]; }`,
}

/** Runs `deed serve` on a free port; it is told to stop at the end, and has to end well. */
async function serve(dataDir: string) {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const env = { PATH, NODE_COMPILE_CACHE, ...covered, DEED_PORT: '0', DEED_DATA_DIR: dataDir }
  const child = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'close')
  let address: string | undefined
  for await (const line of createInterface(child.stdout)) {
    address = /listens on (\S+)/.exec(line)?.[1]
    if (address !== undefined) break
  }
  child.stdout.resume()
  assert.ok(address, 'the server did not start')
  return {
    env: { DEED_ADDRESS: address, DEED_DATA_DIR: dataDir },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      const [code, signal] = await ended
      // Root's cluster is kept elsewhere, behind a link.
      await rm(await realpath(join(dataDir, 'postgres')), { recursive: true, force: true })
      assert.deepEqual([code, signal], [0, null])
    },
  }
}

describe('deed serve', () => {
  it('serves what the other commands publish and call', async () => {
    await using folder = await folderOf({
      'good/acme/v1/tickets.proto': source,
      'bad/a.proto': broken['a.proto'],
      'bad/b.proto': broken['b.proto'],
    })
    await using server = await serve(join(folder.path, 'data'))
    const deed = (...args: string[]) => runDeed(args, server.env)

    const published = await deed('publish', join(folder.path, 'good'))
    assert.equal(published.code, 0, published.stderr)
    assert.match(published.stdout, /^published acme\.v1\.Tickets version 1\n/)

    const here = (...args: string[]) => runCommandHere(args, server.env)
    const request = ['call', 'acme.v1.Tickets/Triage', '--idempotency-key', 'k', '--json', '-d']
    const first = await deed(...request, '{"subject": "the billing of May is wrong"}')
    assert.deepEqual(JSON.parse(first.stdout), { topic: 'TOPIC_BILLING' })
    const [again, other, refused, faults] = await Promise.all([
      here(...request, '{"subject": "the billing of May is wrong"}'),
      here(...request, '{"subject": "something else"}'),
      here(...request, '{}'),
      here('publish', join(folder.path, 'bad')),
    ])
    assert.deepEqual(JSON.parse(again.stderr), { ...JSON.parse(first.stderr), replayed: true })
    assert.deepEqual([other.code, JSON.parse(other.stderr).error.reason], [1, 'IDEMPOTENCY_KEY_REUSED'])
    assert.deepEqual(JSON.parse(refused.stderr).error.violations[0].field, 'subject')
    assert.match(faults.stderr, /^error: nothing was published: 5 faults\n(?: {2}.+\n){5}$/)

    const listed = await here('operation', 'list', '--json')
    const operation = JSON.parse(listed.stdout)
    assert.deepEqual(
      [operation.name, operation.response],
      [JSON.parse(first.stderr).operation, { topic: 'TOPIC_BILLING' }],
    )
    const key = await here('key', 'create', '--role', 'caller')
    const asCaller = await runCommandHere(['operation', 'list'], { ...server.env, DEED_KEY: key.stdout.trim() })
    assert.match(asCaller.stderr, /^error: PERMISSION_DENIED \(ROLE_NOT_ALLOWED\)/)
    assert.deepEqual((await deed('health', 'readiness')).stdout, 'SERVING\n')
  }).timeout(60_000)
})
