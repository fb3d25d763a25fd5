import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, symlink } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { pathFailure } from '../../src/cli/read-file.ts'
import { keywords } from '../../src/models/providers/keywords.ts'
import { folderOf } from '../support/compile.ts'
import { freePort } from '../support/deed-process.ts'
import { runCommandHere, runDeed } from '../support/run-deed.ts'
import { startDeed, type TestDeed } from '../support/server.ts'

const source = `syntax = "proto3";
package acme.v1;
service Tickets { rpc Triage(TriageRequest) returns (TriageResponse); }
message TriageRequest { string subject_line = 1; Sender sender = 2; }
message Sender { string email = 1; }
message TriageResponse { string topic = 1; }
`
const importing = (
  path: string,
) => `syntax = "proto3"; package a.v1; import "${path}"; service A { rpc Do(M) returns (M); }
message M { string text = 1; }`

describe('a common mistake is told in one line that says what to do:', () => {
  let deed: TestDeed
  before(async () => {
    deed = await startDeed(new Map([['test', keywords]]))
    await deed.publish({ 'acme/v1/tickets.proto': source })
  })
  after(() => deed[Symbol.asyncDispose]())

  /** Runs a command that has to fail, and returns its one line. */
  async function mistake(args: readonly string[], env: Record<string, string> = {}, exitCode = 1): Promise<string> {
    const run = args[0] === 'serve' ? runDeed : runCommandHere
    const ended = await run(args, { DEED_ADDRESS: deed.address, DEED_KEY: deed.project.adminKey, ...env })
    assert.equal(ended.stdout, '')
    assert.equal(ended.code, exitCode, ended.stderr)
    assert.match(ended.stderr, /^error: [^\n]+\n$/, 'not one line')
    return ended.stderr.trimEnd()
  }

  const call = (data: string) => ['call', 'acme.v1.Tickets/Triage', '-d', data]

  it('a wrong address', async () => {
    const port = await freePort()
    assert.equal(
      await mistake(['contract', 'list'], { DEED_ADDRESS: `127.0.0.1:${port}` }),
      `error: cannot reach a Deed server at 127.0.0.1:${port}: nothing listens there — start one with "npx deed serve", or set DEED_ADDRESS`,
    )
    assert.equal(
      await mistake(['contract', 'list'], { DEED_ADDRESS: 'no-such-host.invalid:50051' }),
      'error: cannot reach a Deed server at no-such-host.invalid:50051: that host is unknown — check DEED_ADDRESS, or your network',
    )
    assert.equal(
      await mistake(['contract', 'list'], { DEED_ADDRESS: 'http://127.0.0.1:50051' }),
      'error: DEED_ADDRESS must be host:port, such as 127.0.0.1:50051, not "http://127.0.0.1:50051"',
    )
  })

  it('an address where something else listens', async () => {
    const other = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    assert.match(
      await mistake(['contract', 'list'], { DEED_ADDRESS: `127.0.0.1:${port}` }),
      /^error: cannot reach a Deed server at 127\.0\.0\.1:\d+: what listens there does not speak gRPC — .*DEED_ADDRESS/,
    )
    other.close()
  })

  it('a wrong key', async () => {
    assert.match(
      await mistake(['contract', 'list'], { DEED_KEY: 'deed_wrong' }),
      /^error: UNAUTHENTICATED \(CREDENTIALS_INVALID\): .* — set DEED_KEY to a key of this server, or DEED_DATA_DIR to its data folder$/,
    )
    assert.equal(
      await mistake(['contract', 'list'], { DEED_KEY: '', DEED_DATA_DIR: '/no/such/folder' }),
      'error: no API key: /no/such/folder/admin.key is not there — set DEED_KEY, or DEED_DATA_DIR to the data folder of the server',
    )
  })

  it('an unknown method or contract', async () => {
    assert.equal(
      await mistake(['call', 'acme.v1.Tickets/Triag', '-d', '{}']),
      'error: acme.v1.Tickets has no method Triag — did you mean acme.v1.Tickets/Triage?',
    )
    assert.match(
      await mistake(['call', 'acme.v1.Ticket/Triage', '-d', '{}']),
      /^error: NOT_FOUND \(CONTRACT_NOT_FOUND\): there is no contracts\/acme\.v1\.Ticket in this project — did you mean acme\.v1\.Tickets\?$/,
    )
    assert.equal(
      await mistake(['call', 'Triage', '-d', '{}'], {}, 2),
      'error: "Triage" names no method — write SERVICE/METHOD: acme.support.v1.TicketService/TriageTicket',
    )
  })

  it('an operation, a filter, a project or a setting that cannot be', async () => {
    assert.equal(
      await mistake(['operation', 'wait', 'x'], {}, 2),
      'error: "x" names no operation — write operations/ID, as "npx deed operation list" shows it',
    )
    const id = '01981f6e-8a60-7c3f-9d24-5a1b2c3d4e5f'
    for (const command of ['wait', 'cancel', 'retry', 'delete']) {
      assert.equal(
        await mistake(['operation', command, id]),
        `error: NOT_FOUND (OPERATION_NOT_FOUND): there is no operations/${id} in this project — "npx deed operation list" shows which there are`,
      )
    }
    for (const command of ['list', 'watch']) {
      assert.match(
        await mistake(['operation', command, '--filter', 'model = "a"']),
        /^error: INVALID_ARGUMENT \(FILTER_INVALID\): .*filter.*model/,
      )
    }
    assert.match(await mistake(['project', 'get', 'other']), /^error: NOT_FOUND \(PROJECT_NOT_FOUND\): /)
    assert.equal(
      await mistake(['project', 'set', 'default'], {}, 2),
      'error: there is nothing to set — give --weight, --max-running, or both',
    )
    assert.match(
      await mistake(['project', 'set', 'default', '--weight', '0'], {}, 2),
      /^error: .*--weight.* must be a number from 0\.001 to 1000/,
    )
    assert.match(
      await mistake(['project', 'set', 'default', '--max-running', '0'], {}, 2),
      /^error: .*--max-running.* must be a whole number from 1 to 999999, or none/,
    )
    assert.equal(
      await mistake(['operation', 'retry', id, `${id.slice(0, -1)}e`, '--idempotency-key', 'k'], {}, 2),
      'error: --idempotency-key is for one operation — give one name, or leave the key out',
    )
  })

  it('a batch of what is not there, or onto what is no results', async () => {
    await using folder = await folderOf({ 'in.jsonl': '{"subjectLine": "x"}\n', 'notes.txt': 'mine\n' })
    const [file, notes] = [join(folder.path, 'in.jsonl'), join(folder.path, 'notes.txt')]
    const missing = join(folder.path, 'missing.jsonl')
    const batch = (...args: string[]) => ['batch', 'acme.v1.Tickets/Triage', ...args]
    assert.equal(await mistake(batch(missing)), `error: cannot read ${missing}: it is not there — check the path`)
    assert.equal(
      await mistake(['batch', 'acme.v1.Tickets/Triag', file]),
      'error: acme.v1.Tickets has no method Triag — did you mean acme.v1.Tickets/Triage?',
    )
    assert.equal(
      await mistake(batch(file, '--output', notes), {}, 2),
      `error: ${notes} holds something else than results of deed batch — name another file with --output`,
    )
    assert.equal(await readFile(notes, 'utf8'), 'mine\n')
    assert.equal(
      await mistake(batch(file, '--output', file), {}, 2),
      'error: the results would replace the requests — name another file with --output',
    )
    assert.match(
      await mistake(batch(file, '--key-prefix', 'a b'), {}, 2),
      /^error: .*--key-prefix.* may have 150 letters, digits and any of/,
    )
  })

  it('bad JSON, and bad YAML', async () => {
    assert.equal(
      await mistake(call('{"subjectLine": "x"'), {}, 2),
      `error: the request is not JSON: Expected ',' or '}' after property value at line 1 column 20 — quote it for the shell: -d '{"name": "value"}'`,
    )
    assert.equal(
      await mistake(call('subjectLine: x\n  sender: y: z'), {}, 2),
      'error: the request is not YAML: Nested mappings are not allowed in compact mappings at line 1 column 14 — write name: value, one field a line, or JSON',
    )
  })

  it('an unknown field', async () => {
    assert.equal(
      await mistake(call('{"subject": "x"}'), {}, 2),
      'error: the request is not a acme.v1.TriageRequest: has no field "subject", did you mean "subjectLine"?',
    )
    assert.equal(
      await mistake(call('sender: {e-mail: x}'), {}, 2),
      'error: the request is not a acme.v1.TriageRequest: sender: has no field "e-mail", did you mean "email"?',
    )
    assert.equal(
      await mistake(call('sender: {unheard: x}'), {}, 2),
      'error: the request is not a acme.v1.TriageRequest: sender: has no field "unheard"; it has email',
    )
  })

  it('a missing import', async () => {
    await using folder = await folderOf({
      'far/a.proto': importing('shop/nowhere.proto'),
      'near/b.proto': importing('order.proto'),
      'near/shop/order.proto': 'syntax = "proto3"; package shop;',
      'common/c.proto': importing('google/protobuf/timestmap.proto'),
    })
    const publish = (name: string) => mistake(['publish', join(folder.path, name)])
    const [far, near, common] = await Promise.all([publish('far'), publish('near'), publish('common')])
    const start = (file: string) => `error: nothing was published: 1 fault: ${join(folder.path, file)}:1:34: imports`
    assert.equal(
      far,
      `${start('far/a.proto')} "shop/nowhere.proto", which is not there: put it into the folder, or drop the import; Deed brings along buf/validate, deed/v1/annotations.proto and google/{api,longrunning,protobuf,rpc,type}`,
    )
    assert.equal(near, `${start('near/b.proto')} "order.proto", which is not there: did you mean "shop/order.proto"?`)
    assert.match(common, /which is not there: did you mean "google\/protobuf\/timestamp\.proto"\?$/)
  })

  it('a folder without .proto, and a broken buf.yaml, though none is needed', async () => {
    await using folder = await folderOf({
      'empty/README.md': '',
      'broken/buf.yaml': 'version: v2\nmodules: [\n',
      'broken/a.proto': source,
      'none/acme/v1/tickets.proto': source,
    })
    assert.equal(
      await mistake(['publish', join(folder.path, 'empty')]),
      `error: ${join(folder.path, 'empty')} has no .proto file — give the folder that holds the contract, or start one with "npx deed new NAME"`,
    )
    assert.match(
      await mistake(['publish', join(folder.path, 'broken')]),
      /^error: buf cannot read .*broken: Failure: decode buf\.yaml: .* — mend buf\.yaml, or drop it: Deed needs none$/,
    )
    const env = { DEED_ADDRESS: deed.address, DEED_KEY: deed.project.adminKey }
    assert.equal((await runCommandHere(['publish', join(folder.path, 'none')], env)).code, 0)
  })

  it('a port that is taken', async () => {
    await using folder = await folderOf({})
    const [, port = ''] = deed.address.split(':')
    assert.equal(
      await mistake(['serve'], { DEED_PORT: port, DEED_DATA_DIR: folder.path }),
      `error: port ${port} on 127.0.0.1 is in use: stop what listens there, or set DEED_PORT to another`,
    )
  })

  it('a file of models that is wrong', async () => {
    await using folder = await folderOf({ 'models.yaml': 'models:\n  openai/gpt: { limits: { concurency: 1 } }\n' })
    const path = join(folder.path, 'models.yaml')
    assert.equal(
      await mistake(['serve'], { DEED_MODELS: path, OPENAI_API_KEY: 'k', DEED_DATA_DIR: folder.path }),
      `error: DEED_MODELS: ${path}:2:27: models.openai/gpt.limits.concurency is not known: requests_per_minute, tokens_per_minute or concurrency may stand here`,
    )
  })

  it('a database that cannot be reached', async () => {
    const env = { DATABASE_URL: `postgresql://deed:secret@127.0.0.1:${await freePort()}/deed`, DEED_PORT: '0' }
    const line = 'error: cannot use the PostgreSQL of DATABASE_URL (ECONNREFUSED): start it, or correct the URL'
    assert.equal(await mistake(['migrate'], env), line)
    assert.equal(await mistake(['serve'], { ...env, DEED_MODEL: 'local/keywords' }), line)
    const unknown = { ...env, DATABASE_URL: 'postgresql://no-such-host.invalid/deed' }
    assert.match(
      await mistake(['migrate'], unknown),
      /DATABASE_URL \((ENOTFOUND|EAI_AGAIN)\): start it, or correct the URL$/,
    )
  })

  it('a folder or a file that cannot be read', async () => {
    await using folder = await folderOf({ 'a.proto': source })
    const loop = join(folder.path, 'loop')
    await symlink(loop, loop)
    const missing = join(folder.path, 'missing')
    assert.equal(await mistake(['publish', missing]), `error: cannot read ${missing}: it is not there — check the path`)
    assert.equal(
      await mistake(['publish', loop]),
      `error: cannot read ${loop}: its links lead in a circle — check the path`,
    )
    assert.equal(
      await mistake(call(`@${folder.path}`)),
      `error: cannot read ${folder.path}: it is a folder — give a file`,
    )
    // What root never gets to see.
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open', path: '/secret' })
    assert.equal(pathFailure(denied, '')?.message, 'cannot read /secret: you are not permitted to')
  })
})
