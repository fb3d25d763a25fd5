import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { status } from '@grpc/grpc-js'
import { ContractVersion } from '../../gen/deed/v1/contract.ts'
import { Operation, OperationState } from '../../gen/deed/v1/operation.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { compile } from '../support/compile.ts'
import { type Answers, type FakeDeed, fakeDeed } from '../support/fake-deed.ts'
import { openTerminal, quoted, type Terminal } from '../support/terminal.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const path = '/acme.v1.Tickets/Triage'
const source = `syntax = "proto3";
package acme.v1;
service Tickets { rpc Triage(TriageRequest) returns (TriageResponse); }
enum Level { LEVEL_UNSPECIFIED = 0; LEVEL_LOW = 1; LEVEL_HIGH = 2; }
message TriageRequest {
  // What it is about, in a few words.
  string subject = 1;
  Level level = 2;
  repeated string tags = 3;
  oneof sender { string email = 4; int64 number = 5; }
}
message TriageResponse { string topic = 1; }
`
const operations = ['SUCCEEDED', 'FAILED'].map((name, index) =>
  Operation.fromPartial({
    name: `operations/0190a1b2-0000-7000-8000-00000000000${index}`,
    method: 'acme.v1.TicketsOfCustomersOfAllKinds/TriageTicketOfCustomer',
    state: name === 'FAILED' ? OperationState.OPERATION_STATE_FAILED : OperationState.OPERATION_STATE_SUCCEEDED,
    acceptTime: new Date(),
    model: 'anthropic/claude-sonnet-5-5',
    costMicroUsd: 1_200n,
  }),
)

/** With escape characters as they can be read. */
function readable(shown: string): string {
  return shown.replaceAll('\x1b', '␛')
}

describe('in a terminal', () => {
  let image: Buffer
  before(async () => {
    image = Buffer.from(toBinary(FileDescriptorSetSchema, await compile({ 'acme/v1/tickets.proto': source })))
  })

  function server(answers: Answers): Promise<FakeDeed> {
    const version = ContractVersion.fromPartial({ name: 'contracts/acme.v1.Tickets/versions/1', version: 1 })
    const contract = { name: 'contracts/acme.v1.Tickets', activeVersion: 1, latestVersion: 1 }
    return fakeDeed({
      GetContract: () => ({ contract, version, image }),
      ListOperations: () => ({ operations, nextPageToken: '' }),
      ...answers,
    })
  }

  function deed({ address }: { address: string }, args: string[], columns = 80, env = {}, redirect = ''): Terminal {
    const command = `exec ${[process.execPath, main, ...args].map(quoted).join(' ')} ${redirect}`
    return openTerminal(command, { columns, env: { DEED_ADDRESS: address, DEED_KEY: 'secret', ...env } })
  }

  for (const columns of [80, 40]) {
    it(`has tables that fit ${columns} columns, with whole ids`, async () => {
      await using fake = await server({})
      await using terminal = deed(fake, ['operation', 'list'], columns)
      const { code, shown } = await terminal.ended
      const lines = stripVTControlCharacters(shown).split(/\r?\n/)
      assert.equal(code, 0, shown)
      assert.ok(
        lines.every((line) => line.length <= columns),
        shown,
      )
      for (const { name } of operations)
        assert.ok(
          lines.some((line) => line.includes(name.slice(11))),
          shown,
        )
    })
  }

  it('has colours, unless NO_COLOR is set or the output goes elsewhere', async () => {
    await using fake = await server({})
    await using coloured = deed(fake, ['operation', 'list'])
    await using plain = deed(fake, ['operation', 'list'], 80, { NO_COLOR: '1' })
    await using piped = deed(fake, ['operation', 'list'], 80, {}, '| cat')
    const shown = await Promise.all([coloured, plain, piped].map(async ({ ended }) => (await ended).shown))
    assert.match(readable(shown[0] ?? ''), /␛\[32mSUCCEEDED.*␛\[31mFAILED/s)
    for (const each of shown.slice(1)) {
      assert.match(each, /SUCCEEDED/)
      assert.ok(!each.includes('\x1b'), each)
    }
  })

  it('has colours in errors and in help, but not in JSON', async () => {
    await using fake = await server({})
    await using error = deed(fake, ['publsh'])
    await using help = deed(fake, ['call', '--help'])
    await using json = deed(fake, ['publsh', '--json'])
    assert.match(readable((await error.ended).shown), /␛\[31merror:␛\[39m unknown command/)
    assert.match(readable((await help.ended).shown), /␛\[1mExamples:␛\[22m\r\n {2}npx deed call /)
    assert.ok(!(await json.ended).shown.includes('\x1b'))
  })

  it('asks for the fields of a request, and again for those that the rules refuse', async () => {
    const asked: string[] = []
    const answer = (request: Buffer) => {
      asked.push(request.toString('hex'))
      if (asked.length > 1) return Buffer.from('0a0762696c6c696e67', 'hex')
      const fieldViolations = [{ field: 'subject', description: 'is too short' }]
      throw new DeedError(status.INVALID_ARGUMENT, 'REQUEST_INVALID', 'it breaks a rule', { fieldViolations })
    }
    await using fake = await server({ [path]: answer })
    await using terminal = deed(fake, ['call', 'acme.v1.Tickets/Triage', '--interactive'])
    await terminal.shows('subject (string)')
    terminal.type('Hi\r')
    await terminal.shows('level (Level)')
    terminal.type('\x1b[B\x1b[B\x1b[B\r')
    await terminal.shows('tags[0]')
    terminal.type('a\r')
    await terminal.shows('tags[1]')
    terminal.type('\r')
    await terminal.shows('which one?')
    terminal.type('\x1b[B\r')
    await terminal.shows('number (int64)')
    terminal.type('9007199254740993\r')
    const again = await terminal.shows(/is too short.*subject \(string\)/s)
    assert.match(again, /What it is about, in a few words/)
    terminal.type(' there\r')
    const { code, shown } = await terminal.ended
    assert.equal(code, 0, shown)
    assert.match(shown, /"topic": "billing"/)
    const rest = '1002' + '1a0161' + '288180808080808010'
    assert.deepEqual(asked, [`0a024869${rest}`, `0a084869207468657265${rest}`])
  })

  it('ends quietly on Ctrl-C, while it asks and while it waits', async () => {
    const never = Promise.withResolvers<void>()
    await using fake = await server({ [path]: () => never.promise })
    await using asking = deed(fake, ['call', 'acme.v1.Tickets/Triage', '-i'])
    await asking.shows('subject (string)')
    asking.type('\x03')
    assert.equal((await asking.ended).code, 130)
    await using reading = deed(fake, ['call', 'acme.v1.Tickets/Triage', '-d', '-'])
    await reading.shows('end it with Ctrl-D')
    reading.type('subject: Hi\r\x03')
    await using waiting = deed(fake, ['call', 'acme.v1.Tickets/Triage', '-d', '{}'])
    await waiting.shows('waiting for the answer')
    waiting.type('\x03')
    for (const { code, shown } of [await reading.ended, await waiting.ended]) {
      assert.ok(code === 130 && !/error|at file/.test(shown), `${code} ${shown}`)
    }
  })

  it('says what it waits for, and takes that away again', async () => {
    const slow = Promise.withResolvers<Buffer>()
    await using fake = await server({ [path]: () => slow.promise })
    await using terminal = deed(fake, ['call', 'acme.v1.Tickets/Triage', '-d', 'subject: Hi'])
    await terminal.shows('waiting for the answer, 2m at the most')
    slow.resolve(Buffer.from('0a0178', 'hex'))
    const { shown, code } = await terminal.ended
    assert.equal(code, 0)
    // The last thing that is written before the answer clears the line.
    assert.match(readable(shown), /waiting for the answer.*\r␛\[K\{\r\n {2}"topic": "x"\r\n\}/s)
  })
})
