import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folderOf } from '../support/compile.ts'
import { dataFolder } from '../support/data-folder.ts'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { runCommandHere } from '../support/run-deed.ts'

const CONTRACT = `
syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
// Reads notes.
service NoteService {
  rpc Read(ReadRequest) returns (ReadResponse);
  rpc Count(ReadRequest) returns (CountResponse);
  rpc Follow(ReadRequest) returns (stream CountResponse);
  rpc Sum(stream ReadRequest) returns (CountResponse);
}
message ReadRequest { string text = 1 [(buf.validate.field).string.min_len = 1]; }
message ReadResponse { string word = 1; int32 stars = 2; string pin = 3 [debug_redact = true]; }
message CountResponse { int64 words = 1; }
`
const support = fileURLToPath(new URL('../../examples/support', import.meta.url))

describe('deed test', () => {
  let data: Awaited<ReturnType<typeof dataFolder>>
  before(async () => {
    data = await dataFolder()
  })
  after(() => data[Symbol.asyncDispose]())

  const contract = (examples: Readonly<Record<string, string>>) =>
    folderOf({
      'note.proto': CONTRACT,
      ...Object.fromEntries(Object.entries(examples).map(([name, text]) => [`examples/${name}`, text])),
    })
  const deedTest = (args: readonly string[], env: Record<string, string> = {}) =>
    runCommandHere(['test', ...args], { DEED_DATA_DIR: data.path, ...env })
  const documents = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))

  /** A vendor for the environment of a command, which answers all with this. */
  async function vendorOf(json: unknown) {
    const fake = await new FakeAnthropic({ respond: () => ({ json }) }).start()
    const env = { ANTHROPIC_API_KEY: 'sk-test', ANTHROPIC_BASE_URL: fake.url }
    return { fake, env, [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose]() }
  }

  it('passes for examples/support with local/keywords, injections included, and compares a run with the last', async () => {
    const first = await deedTest([support])
    assert.deepEqual([first.code, first.stderr], [0, ''])
    const lines = first.stdout.trim().split('\n')
    assert.match(lines[0] ?? '', /^METHOD +MODEL +SCORE +P50 +MAX +COST +SINCE LAST RUN$/)
    assert.deepEqual(
      lines.slice(1).map((line) => /^(\w+) +local\/keywords +(\d+)\/(\d+) .* \$0 +first run$/.exec(line)?.slice(1, 4)),
      [
        ['TriageTicket', '12', '12'],
        ['ExtractOrder', '3', '3'],
        ['SummarizeThread', '2', '2'],
      ],
    )
    const second = await deedTest([support, '--method', 'Extract*', '--repeat', '2', '--json'])
    const { summary } = documents(second.stdout).at(-1)
    assert.deepEqual(
      [summary.method, summary.passed, summary.total],
      ['acme.support.v1.TicketService/ExtractOrder', 6, 6],
    )
    assert.match(summary.sinceLastRun, /^(as before|p50 [+-]\d+ms)$/)
    assert.equal(summary.passing.length, 3)
  })

  it('says what was expected and what came, in one line for one and a list for several', async () => {
    await using vendor = await vendorOf({ word: 'red', stars: 3, pin: '9999' })
    await using folder = await contract({
      'a.yaml': `
- name: right
  method: Read
  request: {text: x}
  expect: {response: {word: red, stars: {gte: 1, lte: 5}}, cel: "response.word in ['red', 'blue'] && request.text == 'x'"}
- name: wrong
  method: Read
  request: {text: x}
  expect:
    response: {word: blue, pin: '1234'}
    cel: response.stars > 3
- method: test.v1.NoteService/Read
  request: {text: x}
  expect: {error: MODEL_REFUSED}
`,
      'b.yml': `name: refused
method: Read
request: {text: ""}
expect: {error: INVALID_ARGUMENT}
---
# An answer that keeps the contract is all that is asked for.
method: Read
request: {text: y}
`,
    })
    const nowhere = await deedTest([folder.path, '--junit', join(folder.path, 'no/results.xml')], vendor.env)
    assert.deepEqual([nowhere.code, nowhere.stdout, vendor.fake.requests.length], [1, '', 0])
    assert.match(nowhere.stderr, /^error: [^\n]*no\/results\.xml[^\n]*\n$/)

    const junit = join(folder.path, 'results.xml')
    const { code, stdout, stderr } = await deedTest([folder.path, '--junit', junit], vendor.env)
    assert.equal(code, 1)
    assert.match(stdout, /\nRead +anthropic\/claude-sonnet-5-5 +3\/5 /)
    assert.deepEqual(stderr.trim().split('\n'), [
      'error: 2 of 5 examples failed',
      '  wrong: word: expected "blue", got "red"',
      '  wrong: pin: is not as expected (its values are not shown)',
      '  wrong: expected response.stars > 3, which is false',
      `  ${join(folder.path, 'examples/a.yaml')}:12: expected the error MODEL_REFUSED, got a response`,
    ])
    const xml = await readFile(junit, 'utf8')
    assert.match(
      xml,
      /<testsuite name="test\.v1\.NoteService\/Read \(anthropic\/claude-sonnet-5-5\)" tests="5" failures="2"/,
    )
    assert.match(xml, /<failure message="word: expected &quot;blue&quot;, got &quot;red&quot;/)
    assert.ok(!xml.includes('9999') && !stderr.includes('9999'))

    await writeFile(
      join(folder.path, 'examples/a.yaml'),
      'name: right\nmethod: Read\nrequest: {text: x}\nexpect: {response: {stars: 4}}',
    )
    const again = await deedTest([folder.path, '--json', '--model', 'anthropic/claude-sonnet-5-5'], vendor.env)
    const [result] = documents(again.stdout)
    assert.deepEqual([result.example, result.passed, result.wrong], ['right', false, ['stars: expected 4, got 3']])
    assert.ok(BigInt(result.costMicroUsd) > 0n)
    assert.deepEqual(documents(again.stderr), [{ error: { message: '1 of 3 examples failed', failed: 1, total: 3 } }])
  })

  it('compares models, and says of an example that it passed before', async () => {
    await using vendor = await vendorOf({ words: '7' })
    await using folder = await contract({
      'a.yaml': '{name: seven, method: Count, request: {text: x}, expect: {response: {words: 7}}}',
    })
    const models = ['--model', 'anthropic/claude-haiku-5-5', '--model', 'anthropic/claude-opus-5-5']
    const run = await deedTest([folder.path, ...models], vendor.env)
    assert.equal(run.code, 0, run.stderr)
    assert.deepEqual(run.stdout.match(/^Count +anthropic\/\S+ +1\/1/gm)?.length, 2)
    assert.deepEqual(vendor.fake.requests.map(({ body }) => body.model).toSorted(), [
      'claude-haiku-5-5',
      'claude-opus-5-5',
    ])
    await using other = await vendorOf({ words: '8' })
    const { stdout, stderr } = await deedTest([folder.path, ...models], other.env)
    assert.match(stdout, /-1 passed/)
    assert.match(stderr, /seven \(anthropic\/claude-opus-5-5\): words: expected "7", got "8" \(passed last time\)/)
  })

  it('lists all that is wrong with the files, with its place, before anything is asked', async () => {
    await using vendor = await vendorOf({})
    await using folder = await contract({
      'a.yaml': `- methd: Read
  request: {text: x}
- method: Red
  request: {text: x}
- method: Read
  request: {txt: x}
- method: Read
  request: {text: ""}
- method: Read
  request: {text: x}
  expect:
    response: {words: 1}
    cel: [response.gone == 1, "response.", "response.stars + 'x'", response.word, response.word.isEmail()]
- method: Read
  request: {text: x}
  expect: {error: REFUSED, response: {}}
- method: Read
- method: Read
  request: &own {text: *own}
`,
      'b.yaml': 'method: Read\nrequest: {text: [}\n',
      'c.yaml': 'method: Read\nrequest: "@gone.json"\n',
      'd.yaml': 'method: Sum\nrequest: {text: x}\n',
      'e.yaml': 'method: Follow\nrequest: {text: x}\nexpect: {response: {words: 1}, cel: response.words == 1}\n',
    })
    const { code, stdout, stderr } = await deedTest([folder.path], vendor.env)
    const at = (name: string) => `  ${join(folder.path, 'examples', name)}`
    assert.deepEqual(stderr.trim().split('\n'), [
      'error: nothing was tested: the examples have 20 faults',
      `${at('a.yaml')}:1:3: an example has no methd: did you mean method?`,
      `${at('a.yaml')}:1:3: has no method`,
      `${at('a.yaml')}:3:11: there is no method Red: did you mean Read?`,
      `${at('a.yaml')}:6:12: the request: has no field "txt", did you mean "text"?`,
      `${at('a.yaml')}:8:19: the request: text: must be at least 1 characters`,
      `${at('a.yaml')}:12:16: test.v1.ReadResponse has no field words: did you mean word?`,
      `${at('a.yaml')}:13:11: cel does not compile: undefined field 'gone'`,
      `${at('a.yaml')}:13:31: cel does not compile: at character 9 found . but expecting end of input`,
      `${at('a.yaml')}:13:44: cel does not compile: found no matching overload for '_+_' applied to '(int, string)'`,
      `${at('a.yaml')}:13:68: cel does not compile: expected type 'bool' but found 'string'`,
      `${at('a.yaml')}:13:83: cel does not compile: unbound function: isEmail`,
      `${at('a.yaml')}:16:19: error must be a reason or a code of gRPC: did you mean MODEL_REFUSED?`,
      `${at('a.yaml')}:17:3: has no request`,
      `${at('a.yaml')}:19:17: the request is nested too deep, or holds itself by an alias`,
      ...stderr.trim().split('\n').slice(15, 17),
      `${at('c.yaml')}:2:10: cannot read ${join(folder.path, 'examples/gone.json')}: it is not there`,
      `${at('d.yaml')}:1:9: Sum takes a stream of requests for one response: such methods have no examples in files`,
      `${at('e.yaml')}:3:20: the response is a stream: write a list of its items`,
      `${at('e.yaml')}:3:37: cel does not compile: type 'list(test.v1.CountResponse)' does not support field selection`,
    ])
    assert.match(stderr, /b\.yaml:2:\d+: is not YAML: /)
    assert.deepEqual([code, stdout, vendor.fake.requests.length], [1, '', 0])
  })

  it('compares the items of a stream, one by one', async () => {
    await using vendor = await vendorOf({ items: [{ words: '1' }, { words: '2' }] })
    const expected = (items: string) =>
      `method: Follow\nrequest: {text: x}\nexpect:\n  response: ${items}\n  cel: response.map(each, each.words) == [1, 2]\n`
    await using folder = await contract({ 'a.yaml': expected('[{words: 1}, {words: {gt: 1}}]') })
    const right = await deedTest([folder.path], vendor.env)
    assert.equal(right.code, 0, right.stderr)
    await writeFile(join(folder.path, 'examples/a.yaml'), `name: follow\n${expected('[{words: 1}, {words: 3}]')}`)
    const wrong = await deedTest([folder.path], vendor.env)
    assert.equal(wrong.stderr, 'error: the example failed: follow: [1].words: expected "3", got "2"\n')
    await writeFile(join(folder.path, 'examples/a.yaml'), `name: follow\n${expected('[{words: 1}]')}`)
    const fewer = await deedTest([folder.path], vendor.env)
    assert.match(fewer.stderr, /follow: the response: expected 1 items, got \[\{"words":"1"\},\{"words":"2"\}\]/)
  })

  it('reads a request from a file, and several contracts of a folder', async () => {
    await using folder = await contract({
      'a.yaml': 'method: Count\nrequest: "@requests/a.json"\n---\nmethod: other.v1.NoteService/Read\nrequest: {}\n',
      'requests/a.json': '{"text": "one two"}',
      '../other.proto': CONTRACT.replaceAll('test.v1', 'other.v1').replace('.min_len = 1', '.max_len = 9'),
    })
    const run = await deedTest([folder.path])
    assert.match(
      run.stderr,
      /a\.yaml:1:9: several contracts have a method Count: there is .*test\.v1\.NoteService\/Count/,
    )
    await writeFile(
      join(folder.path, 'examples/a.yaml'),
      'method: test.v1.NoteService/Count\nrequest: "@requests/a.json"\n---\nmethod: other.v1.NoteService/Read\nrequest: {}\n',
    )
    const { code, stdout, stderr } = await deedTest([folder.path, '--json'])
    assert.equal(code, 0, stderr)
    assert.deepEqual(
      documents(stdout).flatMap(({ summary }) => (summary ? [summary.method] : [])),
      ['test.v1.NoteService/Count', 'other.v1.NoteService/Read'],
    )
  })

  it('records a cassette, and replays it when the vendor is gone', async () => {
    await using folder = await contract({
      'a.yaml': 'method: Read\nrequest: {text: x}\nexpect: {response: {word: red}}',
    })
    const cassette = { DEED_CASSETTE_FILE: join(folder.path, 'notes.jsonl') }
    {
      await using vendor = await vendorOf({ word: 'red', stars: 1, pin: '' })
      const recorded = await deedTest([folder.path], { ...vendor.env, ...cassette, DEED_CASSETTE: 'record' })
      assert.equal(recorded.code, 0, recorded.stderr)
      assert.equal(vendor.fake.requests.length, 1)
    }
    const replay = { ...cassette, DEED_CASSETTE: 'replay' }
    const replayed = await deedTest([folder.path], replay)
    assert.equal(replayed.code, 0, replayed.stderr)
    await writeFile(join(folder.path, 'examples/b.yaml'), 'name: new\nmethod: Read\nrequest: {text: y}\n')
    const { code, stderr } = await deedTest([folder.path], replay)
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^error: 1 of 2 examples failed: new: FAILED_PRECONDITION \(CASSETTE_MISS\): .*notes\.jsonl has no answer to request [0-9a-f]{64} of test\.v1\.NoteService\/Read$/m,
    )
  })

  it('refuses what it cannot test', async () => {
    await using folder = await contract({ 'a.yaml': 'method: Read\nrequest: {text: x}\n' })
    await using none = await contract({})
    await using broken = await folderOf({ 'note.proto': CONTRACT.replace('stars = 2', 'stars = 1') })
    for (const [args, code, said] of [
      [[folder.path, '--model', 'openai/x'], 2, /^error: the model openai\/x is not configured — there is local\/…/],
      [[folder.path, '--model', 'x'], 2, /must be provider\/name/i],
      [
        [folder.path, '--method', 'Nothing*'],
        2,
        /^error: no example is for a method Nothing\* — there is Read, Count, Follow, Sum/,
      ],
      [[none.path], 1, /^error: there is no example in .*examples — write some/],
      [[join(folder.path, 'note.proto')], 2, /is a file: give the folder of the contract/],
      [[broken.path], 1, /^error: nothing was tested: the contract has 1 fault: .*note\.proto:\d+:\d+: /],
    ] as const) {
      const ended = await deedTest(args)
      assert.equal(ended.code, code, ended.stderr)
      assert.match(ended.stderr, said)
    }
  })
})
