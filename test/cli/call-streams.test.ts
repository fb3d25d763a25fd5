import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toJson } from '@bufbuild/protobuf'
import { folderOf } from '../support/compile.ts'
import { dataFolder } from '../support/postgres.ts'
import { runCommandHere } from '../support/run-deed.ts'
import { scripted } from '../support/scripted.ts'
import { startDeed, type TestDeed } from '../support/server.ts'

const proto = {
  'test/count/v1/count.proto': `
syntax = "proto3";
package test.count.v1;
import "buf/validate/validate.proto";
service CountService {
  rpc Count(CountRequest) returns (stream CountResponse);
  rpc Add(stream CountRequest) returns (CountResponse);
  rpc Double(stream CountRequest) returns (stream CountResponse);
}
message CountRequest { int64 to = 1; }
message CountResponse { int64 number = 1 [(buf.validate.field).int64.lte = 100]; }
`,
}

describe('the commands for streams, with a server', () => {
  let deed: TestDeed
  const model = scripted(({ method, request, itemsBefore = 0 }) => {
    const numbers = numbersIn(toJson(method.input, request))
    const number = (value: bigint) => ({ number: String(value) })
    if (method.name === 'Add') return JSON.stringify(number(numbers.reduce((sum, each) => sum + each, 0n)))
    const [to = 0n] = numbers
    if (method.name === 'Double') return JSON.stringify(number(2n * to))
    const items = Array.from({ length: Number(to) }, (_, n) => number(to > 5n && n === 2 ? 101n : BigInt(n + 1)))
    return JSON.stringify({ items: items.slice(itemsBefore) })
  })

  before(async () => {
    deed = await startDeed(model.providers)
    await deed.publish(proto)
  })
  after(() => deed[Symbol.asyncDispose]())

  const run = (...args: string[]) =>
    runCommandHere(args, { DEED_ADDRESS: deed.address, DEED_KEY: deed.project.adminKey })
  const call = (method: string, ...args: string[]) => run('call', `test.count.v1.CountService/${method}`, ...args)

  it('publish says which side streams', async () => {
    await using folder = await folderOf(proto)
    const { stdout } = await run('publish', folder.path, '--validate-only')
    const [message, item] = ['test.count.v1.CountRequest', 'test.count.v1.CountResponse']
    assert.deepEqual(stdout.trimEnd().split('\n').slice(1), [
      `  Count  ${message} -> stream ${item}`,
      `  Add  stream ${message} -> ${item}`,
      `  Double  stream ${message} -> stream ${item}`,
    ])
  })

  it('call prints an item in a line, and operation get all of them', async () => {
    const { code, stdout, stderr } = await call('Count', '-d', 'to: 3', '--idempotency-key', 'three')
    assert.equal(code, 0, stderr)
    assert.equal(stdout, '{"number":"1"}\n{"number":"2"}\n{"number":"3"}\n')
    assert.match(stderr, /^operations\/[0-9a-f-]{36} · version 1 · test\/one\n$/)
    const again = await call('Count', '-d', 'to: 3', '--idempotency-key', 'three')
    assert.equal(again.stdout, stdout)
    assert.match(again.stderr, / · replayed\n$/)
    const shown = await run('operation', 'get', stderr.split(' ')[0] ?? '')
    assert.match(shown.stdout, /\nitems\n {2}\{"number":"1"\}\n {2}\{"number":"2"\}\n {2}\{"number":"3"\}\n/)
    const json = JSON.parse((await run('operation', 'get', stderr.split(' ')[0] ?? '', '--json')).stdout)
    assert.equal(json.itemCount, 3)
    assert.deepEqual(json.items, [{ number: '1' }, { number: '2' }, { number: '3' }])
  })

  it('call prints the good items and then fails', async () => {
    const { code, stdout, stderr } = await call('Count', '-d', '{"to": 9}')
    assert.equal(code, 1)
    assert.equal(stdout, '{"number":"1"}\n{"number":"2"}\n')
    assert.match(stderr, /INTERNAL \(ANSWER_INVALID\)/)
    assert.match(stderr, /items\[2\]\.number: /)
  })

  it('call takes several requests: -d again, a JSON array, JSON Lines', async () => {
    await using folder = await dataFolder()
    const file = join(folder.path, 'requests.jsonl')
    await writeFile(file, '{"to": 1}\n{"to": "9007199254740992"}\n\n')
    for (const [args, stdout] of [
      [['-d', 'to: 1', '-d', '{"to": 2}'], '{"number":"3"}\n'],
      [['-d', '[{"to": 1}, {"to": 2}, {"to": 40}]'], '{"number":"43"}\n'],
    ] as const) {
      assert.equal((await call('Add', ...args)).stdout, stdout)
    }
    assert.match((await call('Add', '-d', `@${file}`)).stderr, /number: /)
    const doubled = await call('Double', '-d', '[{"to": 1}, {"to": 2}]', '-d', 'to: 3', '--json')
    assert.equal(doubled.stdout, '{"number":"2"}\n{"number":"4"}\n{"number":"6"}\n')
    const { stderr, code } = await call('Double', '-d', '[{"to": 1}, {"to": 51}, {"to": 2}]', '--json')
    assert.equal(code, 1)
    assert.equal(JSON.parse(stderr).error.metadata.request, '2')
  })

  it('call and batch say what they do not take', async () => {
    for (const [args, message] of [
      [['-d', '{}', '-d', '{}'], /^error: the method takes one request — /],
      [['--interactive'], /a terminal/],
    ] as const) {
      const { code, stderr } = await call('Count', ...args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    }
    const broken = await call('Add', '-d', '[{"to": 1}')
    assert.deepEqual([broken.code, /no JSON array/.test(broken.stderr)], [2, true])
    await using folder = await dataFolder()
    const file = join(folder.path, 'lines.jsonl')
    await writeFile(file, '{"to": 1}\n')
    const batch = await run('batch', 'test.count.v1.CountService/Count', file)
    assert.equal(batch.code, 2)
    assert.match(batch.stderr, /returns a stream/)
  })
})

function numbersIn(json: unknown): bigint[] {
  const requests = json instanceof Object && 'requests' in json ? json.requests : [json]
  if (!Array.isArray(requests)) return []
  return requests.map((each: unknown) => BigInt(each instanceof Object && 'to' in each ? String(each.to) : '0'))
}
