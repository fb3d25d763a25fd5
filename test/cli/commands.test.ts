import assert from 'node:assert/strict'
import { access, constants, readFile } from 'node:fs/promises'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { status } from '@grpc/grpc-js'
import { ContractVersion } from '../../gen/deed/v1/contract.ts'
import type { PublishContractRequest } from '../../gen/deed/v1/contract_service.ts'
import { CompletionOutcome, Operation, OperationMetadata, OperationState } from '../../gen/deed/v1/operation.ts'
import { Operation as LongRunning } from '../../gen/google/longrunning/operations.ts'
import { Status } from '../../gen/google/rpc/status.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { encodeStatus } from '../../src/errors/status.ts'
import { compile, folderOf } from '../support/compile.ts'
import { type Answers, type FakeDeed, fakeDeed } from '../support/fake-deed.ts'
import { type Ended, runCommandHere, runDeed } from '../support/run-deed.ts'

const source = `syntax = "proto3";

package acme.v1;

import "buf/validate/validate.proto";

// Tickets of customers.
service Tickets {
  // Says what a ticket is about.
  rpc Triage(TriageRequest) returns (TriageResponse);
}

message TriageRequest {
  string subject = 1 [(buf.validate.field) = {
    required: true
  }];
}

message TriageResponse {
  string topic = 1;
  int64 weight = 2;
}
`
const path = '/acme.v1.Tickets/Triage'
const version = ContractVersion.fromPartial({
  name: 'contracts/acme.v1.Tickets/versions/3',
  version: 3,
  active: true,
  createTime: new Date('2026-01-31T09:30:00Z'),
  methods: [
    { method: path.slice(1), requestType: 'acme.v1.TriageRequest', responseType: 'acme.v1.TriageResponse', models: [] },
  ],
})
const contract = { name: 'contracts/acme.v1.Tickets', activeVersion: 3, latestVersion: 3 }

/** `{ topic: 'billing', weight: 5 }` */
const triaged = Buffer.from('0a0762696c6c696e671005', 'hex')
/** `{ subject: 'Hi' }` */
const asked = Buffer.from('0a024869', 'hex')

const operation = Operation.fromPartial({
  name: 'operations/0190a1b2-0000-7000-8000-000000000001',
  contractVersion: version.name,
  method: path.slice(1),
  state: OperationState.OPERATION_STATE_SUCCEEDED,
  acceptTime: new Date('2026-01-31T09:30:00.000Z'),
  settleTime: new Date('2026-01-31T09:30:01.500Z'),
  request: { typeUrl: 'type.googleapis.com/acme.v1.TriageRequest', value: asked },
  result: { $case: 'response', value: { typeUrl: 'type.googleapis.com/acme.v1.TriageResponse', value: triaged } },
  attempts: 1,
  model: 'local/keywords',
  costMicroUsd: 1_200n,
  completions: [
    {
      attempt: 1,
      sequence: 1,
      model: 'local/keywords',
      outcome: CompletionOutcome.COMPLETION_OUTCOME_VALID,
      inputTokens: 12,
      outputTokens: 3,
      latency: { seconds: 1n, nanos: 250_000_000 },
    },
  ],
})

const invalid = new DeedError(status.INVALID_ARGUMENT, 'REQUEST_INVALID', 'the request breaks 2 rules', {
  fieldViolations: [
    { field: 'subject', description: 'value is required' },
    { field: 'items[2].price', description: 'must be positive' },
  ],
})
const failedOperation = Operation.fromPartial({
  ...operation,
  state: OperationState.OPERATION_STATE_FAILED,
  result: { $case: 'error', value: Status.decode(encodeStatus(invalid)) },
})

function refuse(error: DeedError): () => never {
  return () => {
    throw error
  }
}

describe('the commands', () => {
  let image: Buffer
  before(async () => {
    image = Buffer.from(toBinary(FileDescriptorSetSchema, await compile({ 'acme/v1/tickets.proto': source })))
  })

  async function run(answers: Answers, args: string[], input?: string): Promise<Ended & { server: FakeDeed }> {
    await using server = await fakeDeed({ GetContract: () => ({ contract, version, image }), ...answers })
    const env = { DEED_ADDRESS: server.address, DEED_KEY: 'secret' }
    const ended = input === undefined ? await runCommandHere(args, env) : await runDeed(args, env, input)
    return { ...ended, server }
  }

  describe('deed call', () => {
    const args = ['call', 'acme.v1.Tickets/Triage', '-d', '{"subject": "Hi"}']

    it('sends JSON and prints JSON', async () => {
      const { code, stdout, stderr, server } = await run({ [path]: () => triaged }, [
        ...args,
        '--idempotency-key',
        'k1',
      ])
      assert.deepEqual([code, stderr], [0, 'operations/1 · version 3 · local/keywords\n'])
      assert.equal(stdout, '{\n  "topic": "billing",\n  "weight": "5"\n}\n')
      const [, sent] = server.received
      assert.deepEqual(sent?.request, asked)
      assert.deepEqual(sent.metadata.get('authorization'), ['Bearer secret'])
      assert.deepEqual(sent.metadata.get('idempotency-key'), ['k1'])
    })

    it('prints one line for machines, and reads stdin', async () => {
      const stdin = ['call', 'acme.v1.Tickets/Triage', '-d', '-', '--json']
      const { code, stdout, stderr } = await run({ [path]: () => triaged }, stdin, '{"subject": "Hi"}')
      assert.deepEqual([code, stdout], [0, '{"topic":"billing","weight":"5"}\n'])
      const contractVersion = version.name
      const facts = { operation: 'operations/1', contractVersion, model: 'local/keywords', replayed: false }
      assert.deepEqual(JSON.parse(stderr), facts)
    })

    it('prints the operation of a long-running method, with what is said of it', async () => {
      const long = source
        .replace('import', 'import "google/longrunning/operations.proto";\nimport')
        .replace(
          'returns (TriageResponse);',
          'returns (google.longrunning.Operation) { option (google.longrunning.operation_info) = { response_type: "TriageResponse" }; }',
        )
      const longImage = toBinary(FileDescriptorSetSchema, await compile({ 'acme/v1/tickets.proto': long }))
      const value = Buffer.from(OperationMetadata.encode(OperationMetadata.fromPartial({ attempts: 1 })).finish())
      const metadata = { typeUrl: 'type.googleapis.com/deed.v1.OperationMetadata', value }
      const answer = LongRunning.encode({ name: 'operations/1', metadata, done: false, result: undefined }).finish()
      const answers = {
        GetContract: () => ({ contract, version, image: Buffer.from(longImage) }),
        [path]: () => Buffer.from(answer),
      }
      const { stdout, stderr } = await run(answers, args)
      assert.equal(stdout, 'operations/1\n')
      assert.match(stderr, /npx deed operation wait operations\/1/)
      const { stdout: schema } = await run(answers, ['contract', 'show', 'acme.v1.Tickets', '--schema', 'Triage'])
      assert.deepEqual(Object.keys(JSON.parse(schema).properties), ['topic', 'weight'])
      const { stdout: shown } = await run(answers, ['contract', 'show', 'acme.v1.Tickets'])
      assert.match(shown, /returns \(google\.longrunning\.Operation\)/)
      assert.match(shown, /option \(google\.longrunning\.operation_info\)[^;]*response_type: "TriageResponse"/)
      const { stdout: prompt } = await run(answers, ['contract', 'show', 'acme.v1.Tickets', '--prompt', 'Triage'])
      assert.match(prompt, /Tickets\.Triage/)
    })

    it('reads a file', async () => {
      await using folder = await folderOf({ 'request.json': '{"subject": "Hi"}' })
      const file = ['call', 'acme.v1.Tickets/Triage', '-d', `@${folder.path}/request.json`]
      assert.equal((await run({ [path]: () => triaged }, file)).code, 0)
      const { code, stderr } = await run({}, ['call', 'acme.v1.Tickets/Triage', '-d', '@/no/such.json'])
      assert.deepEqual([code, stderr], [1, 'error: cannot read /no/such.json: it is not there — check the path\n'])
    })

    it('prints each violation in a line of its own', async () => {
      const { code, stdout, stderr } = await run({ [path]: refuse(invalid) }, args)
      assert.deepEqual([code, stdout], [1, ''])
      assert.deepEqual(stderr.trimEnd().split('\n'), [
        'error: INVALID_ARGUMENT (REQUEST_INVALID): the request breaks 2 rules',
        '  subject: value is required',
        '  items[2].price: must be positive',
      ])
    })

    it('prints a refusal as JSON', async () => {
      const error = new DeedError(status.UNAVAILABLE, 'SHUTTING_DOWN', 'the replica drains', { retryDelayMs: 1_500 })
      const { code, stderr } = await run({ [path]: refuse(error) }, [...args, '--json'])
      assert.equal(code, 1)
      assert.deepEqual(JSON.parse(stderr), {
        error: {
          message: 'the replica drains',
          code: 'UNAVAILABLE',
          reason: 'SHUTTING_DOWN',
          retryAfterSeconds: 1.5,
          operation: 'operations/1',
          hint: 'try again in 2 s',
        },
      })
    })

    it('names the methods that there are', async () => {
      const { code, stderr } = await run({}, ['call', 'acme.v1.Tickets/Close', '-d', '{}'])
      assert.deepEqual([code, stderr], [1, 'error: acme.v1.Tickets has no method Close — it has Triage\n'])
    })

    it('refuses what is no name of a method', async () => {
      const { code, stderr } = await run({}, ['call', 'not a method', '-d', '{}'])
      assert.equal(code, 2)
      assert.match(stderr, /^error: "not a method" names no method — write SERVICE\/METHOD/)
    })
  })

  describe('deed publish', () => {
    const folder = { 'acme/v1/tickets.proto': source }

    function published({ received }: FakeDeed) {
      const [first] = received
      assert.ok(first)
      const { allowBreaking, validateOnly } = first.request as PublishContractRequest
      return { allowBreaking, validateOnly }
    }

    it('says what was published and how to call it', async () => {
      await using proto = await folderOf(folder)
      const { code, stdout, server } = await run({ PublishContract: () => ({ versions: [version] }) }, [
        'publish',
        proto.path,
      ])
      assert.equal(code, 0)
      assert.deepEqual(stdout.trimEnd().split('\n'), [
        'published acme.v1.Tickets version 3',
        '  Triage  acme.v1.TriageRequest -> acme.v1.TriageResponse',
        'call it:',
        `  npx deed call acme.v1.Tickets/Triage -d '{"subject":"subject"}'`,
      ])
      assert.deepEqual(published(server), { allowBreaking: false, validateOnly: false })
    })

    it("prints all faults: those of the build, and the server's of the other files", async () => {
      await using proto = await folderOf({
        ...folder,
        'a.proto': 'syntax = "proto3"; package a; message A { Missing x = 1; Missing y = 2; }',
      })
      const fieldViolations = [
        { field: 'image', description: 'acme/v1/tickets.proto: acme.v1.Tickets.Triage: one' },
        { field: 'image', description: 'acme/v1/tickets.proto: acme.v1.TriageRequest: two' },
      ]
      const error = new DeedError(status.INVALID_ARGUMENT, 'CONTRACT_INVALID', '2 faults', { fieldViolations })
      const { code, stderr, server } = await run({ PublishContract: refuse(error) }, ['publish', proto.path])
      const [first, ...lines] = stderr.trimEnd().split('\n')
      assert.deepEqual([code, first], [1, 'error: nothing was published: 4 faults'])
      assert.ok(lines[0]?.startsWith(`  ${proto.path}/a.proto:1:43: `), stderr)
      assert.deepEqual(
        lines.slice(2),
        fieldViolations.map(({ description }) => `  ${description}`),
      )
      assert.deepEqual(published(server), { allowBreaking: false, validateOnly: true })
    })

    it('says how to publish what breaks callers', async () => {
      await using proto = await folderOf(folder)
      const preconditions = [
        { type: 'FIELD_SAME_TYPE', subject: 'acme.v1.TriageRequest.subject', description: 'changed' },
      ]
      const error = new DeedError(status.FAILED_PRECONDITION, 'CONTRACT_BREAKING', 'breaks', { preconditions })
      const { code, stderr } = await run({ PublishContract: refuse(error) }, ['publish', proto.path, '--validate-only'])
      assert.equal(code, 1)
      assert.match(
        stderr,
        /: acme\.v1\.TriageRequest\.subject: changed — publish it all the same with --allow-breaking\n$/,
      )
    })
  })

  describe('deed contract', () => {
    it('lists page after page', async () => {
      const ListContracts = ({ pageToken }: { pageToken: string }) =>
        pageToken === ''
          ? { contracts: [contract], nextPageToken: 'next' }
          : { contracts: [{ ...contract, name: 'contracts/b.B' }], nextPageToken: '' }
      const { code, stdout } = await run({ ListContracts }, ['contract', 'list', '--json'])
      assert.equal(code, 0)
      assert.deepEqual(
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).name),
        ['contracts/acme.v1.Tickets', 'contracts/b.B'],
      )
    })

    it('shows a contract as the .proto it was published with', async () => {
      const { code, stdout } = await run({}, ['contract', 'show', 'acme.v1.Tickets/versions/3'])
      assert.equal(code, 0)
      assert.equal(stdout, `// acme/v1/tickets.proto\n${source}`)
    })

    it('shows it for machines', async () => {
      const { stdout, server } = await run({}, ['contract', 'show', 'acme.v1.Tickets', '3', '--json'])
      const { name, files } = JSON.parse(stdout)
      assert.deepEqual([name, files.length], ['contracts/acme.v1.Tickets/versions/3', 1])
      assert.deepEqual(files[0].messages, ['acme.v1.TriageRequest', 'acme.v1.TriageResponse'])
      assert.deepEqual(server.received[0]?.request, { name: 'contracts/acme.v1.Tickets/versions/3' })
    })

    it('shows what a model gets: the schema of its answer, and what it is told', async () => {
      const show = ['contract', 'show', 'acme.v1.Tickets']
      const [one, all, prompt, json, unknown] = await Promise.all([
        run({}, [...show, '--schema', 'Triage']),
        run({}, [...show, '--schema']),
        run({}, [...show, '--prompt', 'acme.v1.Tickets/Triage']),
        run({}, [...show, '--schema', '--prompt', '--json']),
        run({}, [...show, '--schema', 'Triag']),
      ])
      const schema = JSON.parse(one.stdout)
      assert.deepEqual(Object.keys(schema.properties), ['topic', 'weight'])
      assert.deepEqual(JSON.parse(all.stdout), { Triage: schema })
      assert.match(
        prompt.stdout,
        /Says what a ticket is about\..*<request>\n\{\n "subject": "subject"\n\}\n<\/request>\n$/s,
      )
      const { method, system, turns, ...rest } = JSON.parse(json.stdout)
      assert.deepEqual([method, rest.schema, turns.length], ['acme.v1.Tickets/Triage', schema, 1])
      assert.deepEqual(rest.notes, [])
      assert.match(system, /Tickets of customers\./)
      assert.equal(unknown.stderr, 'error: acme.v1.Tickets has no method Triag — did you mean Triage?\n')
    })

    it('lists versions, activates one, deletes all', async () => {
      const answers = {
        ListContractVersions: () => ({ versions: [version], nextPageToken: '' }),
        ActivateContractVersion: () => ({ contract }),
        DeleteContract: () => ({}),
      }
      const [versions, activated, deleted, unclear] = await Promise.all([
        run(answers, ['contract', 'versions', 'acme.v1.Tickets']),
        run(answers, ['contract', 'activate', 'acme.v1.Tickets', '2']),
        run(answers, ['contract', 'delete', 'contracts/acme.v1.Tickets']),
        run(answers, ['contract', 'activate', 'acme.v1.Tickets']),
      ])
      assert.match(versions.stdout, /^VERSION {2}ACTIVE .*\n3 {8}yes .*Triage\n$/)
      assert.equal(activated.stdout, 'activated contracts/acme.v1.Tickets/versions/2\n')
      assert.deepEqual(deleted.server.received[0]?.request, { name: 'contracts/acme.v1.Tickets' })
      assert.deepEqual([unclear.code, unclear.server.received.length], [2, 0])
    })
  })

  describe('deed operation', () => {
    it('shows one with what was asked and answered', async () => {
      const { code, stdout } = await run({ GetOperation: () => ({ operation }) }, ['operation', 'get', operation.name])
      assert.equal(code, 0)
      assert.match(stdout, /^operations\/0190a1b2-\S+ {2}SUCCEEDED\n/)
      assert.match(stdout, /\nrequest\n {2}\{\n {4}"subject": "Hi"\n {2}\}\n/)
      assert.match(stdout, /\nresponse\n {2}\{\n {4}"topic": "billing",\n/)
      assert.match(stdout, /\n {2}1\.1 {2}VALID {4}local\/keywords {2}12 {2}3 .* 1s /)
      assert.match(stdout, /cost +\$0\.0012\n/)
    })

    it('shows why one failed', async () => {
      const { stdout } = await run({ GetOperation: () => ({ operation: failedOperation }) }, [
        'operation',
        'get',
        operation.name,
      ])
      assert.match(stdout, /\nerror\n {2}INVALID_ARGUMENT \(REQUEST_INVALID\): .*\n {4}subject: value is required\n/)
    })

    it('lists for machines, the bytes of what a deleted contract answered', async () => {
      const error = new DeedError(status.NOT_FOUND, 'CONTRACT_NOT_FOUND', 'no such contract')
      const answers = { ListOperations: () => ({ operations: [operation], nextPageToken: 'more' }) }
      const list = [
        'operation',
        'list',
        '--json',
        '--limit',
        '1',
        '--state',
        'succeeded',
        '--contract',
        'acme.v1.Tickets',
      ]
      const [known, deleted] = await Promise.all([
        run(answers, list),
        run({ ...answers, GetContract: refuse(error) }, list),
      ])
      const { request, response, state, costMicroUsd } = JSON.parse(known.stdout)
      assert.deepEqual([state, costMicroUsd], ['OPERATION_STATE_SUCCEEDED', '1200'])
      assert.deepEqual([request, response], [{ subject: 'Hi' }, { topic: 'billing', weight: '5' }])
      const typeUrl = 'type.googleapis.com/acme.v1.TriageRequest'
      assert.deepEqual(JSON.parse(deleted.stdout).request, { '@type': typeUrl, bytes: asked.toString('base64') })
      const filter = {
        pageSize: 1,
        pageToken: '',
        contract: 'contracts/acme.v1.Tickets',
        method: '',
        state: 4,
        filter: '',
        orderBy: '',
      }
      assert.deepEqual(known.server.received[0]?.request, filter)
    })

    it('lists as a table', async () => {
      const { stdout } = await run({ ListOperations: () => ({ operations: [operation], nextPageToken: '' }) }, [
        'operation',
        'list',
      ])
      assert.match(
        stdout,
        /^STATE .*\nSUCCEEDED {2}Tickets\/Triage {2}\d+d .* local\/keywords {2}\$0\.0012 {2}0190a1b2-\S+\n$/,
      )
    })
  })

  it('deed key makes, lists and revokes', async () => {
    const apiKey = { name: 'apiKeys/1', displayName: 'ci', role: 3 }
    const answers = {
      CreateApiKey: () => ({ apiKey, secret: 'deed_x' }),
      ListApiKeys: () => ({ apiKeys: [apiKey], nextPageToken: '' }),
      RevokeApiKey: () => ({ apiKey }),
    }
    const [created, listed, revoked] = await Promise.all([
      run(answers, ['key', 'create', '--role', 'caller', '--display-name', 'ci']),
      run(answers, ['key', 'list']),
      run(answers, ['key', 'revoke', '1', '--json']),
    ])
    assert.deepEqual([created.stdout, created.code], ['deed_x\n', 0])
    assert.deepEqual(created.server.received[0]?.request, { displayName: 'ci', role: 3 })
    assert.match(listed.stdout, /\ncaller {2}- {8}- {8}ci {4}1\n$/)
    assert.deepEqual(JSON.parse(revoked.stdout), { name: 'apiKeys/1', displayName: 'ci', role: 'ROLE_CALLER' })
  })

  it('deed health fails unless the service is serving, and sends no key', async () => {
    const check = '/grpc.health.v1.Health/Check'
    const [up, down] = await Promise.all([
      run({ [check]: () => Buffer.from([8, 1]) }, ['health']),
      run({ [check]: () => Buffer.from([8, 2]) }, ['health', 'readiness', '--json']),
    ])
    assert.deepEqual([up.code, up.stdout, up.stderr], [0, 'SERVING\n', ''])
    assert.deepEqual(up.server.received[0]?.metadata.get('authorization'), [])
    assert.deepEqual([down.code, JSON.parse(down.stdout)], [1, { service: 'readiness', status: 'NOT_SERVING' }])
    assert.equal(String(down.server.received[0]?.request), '\n\x09readiness')
  })

  it('says that no server is there, and what to do', async () => {
    const env = { DEED_ADDRESS: '127.0.0.1:1' }
    const [unreachable, keyless] = await Promise.all([
      runDeed(['health'], env),
      runCommandHere(['contract', 'list'], { ...env, DEED_DATA_DIR: '/no/such/folder' }),
    ])
    assert.equal(unreachable.code, 1)
    const hint = 'start one with "npx deed serve", or set DEED_ADDRESS\n'
    const cause = 'nothing listens there'
    assert.equal(unreachable.stderr, `error: cannot reach a Deed server at 127.0.0.1:1: ${cause} — ${hint}`)
    assert.equal(keyless.code, 1)
    assert.match(keyless.stderr, /^error: no API key: \/no\/such\/folder\/admin\.key is not there — set DEED_KEY/)
  })

  it('tells wrong usage from failure', async () => {
    const [help, unknown, group, json, setting] = await Promise.all([
      runDeed(['--help']),
      runCommandHere(['publsh', '.']),
      runCommandHere(['contract']),
      runDeed(['call', 'a.B/C', '--json']),
      runCommandHere(['health'], { DEED_ADDRESS: 'nowhere' }),
    ])
    assert.deepEqual([help.code, help.stderr], [0, ''])
    assert.match(help.stdout, /Exit codes: 0 done, 1 refused or failed, 2 wrong usage/)
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /^error: unknown command 'publsh' \(Did you mean publish\?\) — /)
    assert.equal(group.code, 2)
    assert.equal(json.code, 2)
    assert.match(JSON.parse(json.stderr).error.message, /--data <request>/)
    assert.deepEqual([setting.code, setting.stdout], [1, ''])
    assert.match(setting.stderr, /^error: DEED_ADDRESS must be host:port/)
  })

  it('can be run as it stands', async () => {
    const main = new URL('../../src/main.ts', import.meta.url)
    assert.ok((await readFile(main, 'utf8')).startsWith('#!/usr/bin/env node\n'))
    await access(main, constants.X_OK)
  })
})
