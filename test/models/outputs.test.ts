import assert from 'node:assert/strict'
import { equals, fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { createValidator, type Validator } from '@bufbuild/protovalidate'
import type { Method } from '../../src/contracts/method.ts'
import type { ItemSink } from '../../src/models/item-sink.ts'
import { ListReader } from '../../src/models/list-reader.ts'
import { readAnswer } from '../../src/models/read-answer.ts'
import { responseSchema } from '../../src/models/schema.ts'
import { kinds, kindsJson } from '../support/kinds.ts'
import { methodsOf } from '../support/methods.ts'
import { mutations } from '../support/mutations.ts'
import { type Random, seeded } from '../support/random.ts'
import { randomAnswer } from '../support/random-answer.ts'

const outputs = 10_000
const lists = 2_000
const seed = 20_260_131

const ruled = `
syntax = "proto3"; package test.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
service RuledService { rpc Rule(Ruled) returns (Ruled); rpc List(Ruled) returns (stream Ruled); }
enum Level { LEVEL_UNSPECIFIED = 0; LEVEL_LOW = 1; LEVEL_HIGH = 2; }
message Ruled {
  string name = 1 [(buf.validate.field).string = {min_len: 2, max_len: 40}];
  int32 count = 2 [(buf.validate.field).int32 = {gte: 0, lt: 1000}];
  Level level = 3 [(buf.validate.field).enum = {defined_only: true, not_in: [0]}];
  repeated string tags = 4 [(buf.validate.field).repeated = {unique: true, max_items: 4}];
  map<string, int64> counts = 5 [(buf.validate.field).map.max_pairs = 3];
  oneof contact { option (buf.validate.oneof).required = true; string email = 6 [(buf.validate.field).string.email = true]; string url = 7; }
  repeated Line lines = 8;
  optional double share = 9 [(buf.validate.field).double = {gte: 0, lte: 1, finite: true}];
  google.protobuf.Timestamp due = 10;
  option (buf.validate.message).cel = {id: "lines", message: "as many lines as count", expression: "size(this.lines) <= this.count"};
}
message Line { string text = 1 [(buf.validate.field).string.min_len = 1]; uint64 cents = 2; bytes mark = 3; }
`

const ruledJson = {
  name: 'Ada',
  count: 3,
  level: 'LEVEL_HIGH',
  tags: ['a', 'b'],
  counts: [{ key: 'x', value: '9007199254740993' }],
  email: 'ada@example.com',
  lines: [
    { text: 'one', cents: '18446744073709551615', mark: 'AAEC' },
    { text: 'grüß 👋', cents: '0', mark: '' },
  ],
  share: 0.5,
  due: '2026-02-28T23:59:59Z',
}

type Contract = { name: string; method: Method; validator: Validator; whole: JsonValue }

describe('outputs of models', () => {
  const contracts: Contract[] = []
  const ofLists: Contract[] = []
  before(async () => {
    for (const [source, whole] of [
      [kinds, kindsJson],
      [ruled, ruledJson],
    ] as const) {
      for (const [name, method] of await methodsOf(source)) {
        const validator = createValidator({ registry: method.registry })
        if (method.shape === 'unary') contracts.push({ name, method, validator, whole })
        else ofLists.push({ name, method, validator, whole: { items: [whole, { ...whole, count: 9 }, whole] } })
      }
    }
  })

  it('are never OK when they break a rule, and never a crash, whatever they are', () => {
    const random = seeded(seed)
    const counts = new Map<string, { outputs: number; accepted: number }>()
    let slowestMs = 0
    for (let n = 0; n < outputs; n++) {
      const contract = random.pick(contracts)
      const { text, named } = output(contract, random, n)
      const from = performance.now()
      const read = readAnswer(contract.method, text)
      slowestMs = Math.max(slowestMs, performance.now() - from)
      const count = counts.get(named) ?? { outputs: 0, accepted: 0 }
      counts.set(named, { outputs: count.outputs + 1, accepted: count.accepted + (read.kind === 'valid' ? 1 : 0) })
      const faults =
        read.kind === 'valid' ? faultsOf(contract, text, read.bytes) : read.violations.length > 0 ? [] : ['no reason']
      assert.deepEqual(faults, [], `${contract.name}, ${named}, output ${n} of seed ${seed}: ${text.slice(0, 2_000)}`)
    }
    for (const [named, { outputs, accepted }] of counts)
      console.log(`      ${named.padEnd(18)}  ${outputs} outputs, ${accepted} accepted`)
    console.log(`      the slowest took ${Math.round(slowestMs)} ms`)
    const accepted = counts.values().reduce((sum, count) => sum + count.accepted, 0)
    assert.ok(accepted > outputs / 20 && accepted < outputs / 2, `${accepted} were accepted`)
  }).timeout(60_000)

  it('give no item of a list that breaks a rule, and are whole only when they are', async () => {
    const random = seeded(seed)
    let [items, whole] = [0, 0]
    for (let n = 0; n < lists; n++) {
      const contract = random.pick(ofLists)
      const { text, named } = output(contract, random, n)
      const { stored, end } = await readList(contract, text, random)
      const faults = stored.flatMap((bytes) => faultsIn(contract, bytes))
      if (end.kind === 'valid') {
        const list = JSON.parse(withoutFence(text))
        if (Object.keys(list).join() !== 'items') faults.push('it has more than items')
        if (list.items.length !== stored.length) faults.push(`${list.items.length} items became ${stored.length}`)
        whole++
      } else if (end.violations.length === 0) faults.push('no reason')
      items += stored.length
      assert.deepEqual(faults, [], `${contract.name}, ${named}, list ${n} of seed ${seed}: ${text.slice(0, 2_000)}`)
    }
    console.log(`      ${lists} lists, ${whole} of them whole, ${items} items`)
    assert.ok(whole > lists / 20 && whole < lists / 2 && items > lists / 2, `${whole} lists, ${items} items`)
  }).timeout(60_000)
})

/** Reads a list in parts of any size, as it comes from a model. */
async function readList({ method }: Contract, text: string, random: Random) {
  const stored: Uint8Array[] = []
  const sink: ItemSink = {
    get count() {
      return stored.length
    },
    put: async (items) => void stored.push(...items),
    last: async () => [],
  }
  const list = new ListReader(method, sink, new AbortController().signal)
  for (let at = 0; at < text.length; ) {
    const part = text.slice(at, at + random.pick([1, 7, 100, 100_000]))
    if (!(await list.push(part))) break
    at += part.length
  }
  return { stored, end: list.end() }
}

/** A valid answer, or a random one to the schema; then mutated, now and then more than once. */
function output({ method, whole }: Contract, random: Random, n: number): { text: string; named: string } {
  const json = random.chance(0.5) ? whole : randomAnswer(responseSchema(method), random)
  let text = JSON.stringify(json)
  if (random.chance(0.1)) return { text, named: 'as it should be' }
  const names = Object.keys(mutations)
  // One of 1 MB takes as long as a hundred others.
  const named =
    n % 250 === 0 ? 'a string of 1 MB' : random.pick(names.filter((name) => !name.startsWith('a string of')))
  for (let times = random.chance(0.2) ? random.whole(2, 4) : 1; times > 0; times--) {
    text = mutations[named]?.(text, random) ?? text
  }
  return { text, named }
}

/** What is wrong with an answer that was taken for valid, found by other means than those that took it. */
function faultsOf(contract: Contract, text: string, bytes: Uint8Array): string[] {
  const inner = withoutFence(text)
  const written = inner.match(/"(?:[^"\\]|\\.)*"\s*:/gs)?.length ?? 0
  return [...faultsIn(contract, bytes), ...(written === keysIn(JSON.parse(inner)) ? [] : ['a key is given twice'])]
}

function faultsIn({ method, validator }: Contract, bytes: Uint8Array): string[] {
  const { output: desc, registry } = method
  const faults: string[] = []
  const decoded = fromBinary(desc, bytes)
  const result = validator.validate(desc, decoded)
  if (result.kind !== 'valid')
    faults.push(`protovalidate finds ${result.kind === 'invalid' ? result.violations.map(String) : result.error}`)
  if (!Buffer.from(toBinary(desc, decoded)).equals(bytes)) faults.push('it changes on the wire')
  const json = toJson(desc, decoded, { registry })
  if (!equals(desc, fromJson(desc, json, { registry }), decoded)) faults.push('it changes as JSON')
  if (JSON.stringify(decoded, (_, value) => (typeof value === 'bigint' ? `${value}` : value)).includes('$unknown'))
    faults.push('it has unknown fields')
  return faults
}

function withoutFence(text: string): string {
  return /^\s*```(?:json)?\n(.*)\n```\s*$/s.exec(text)?.[1] ?? text
}

function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const inner = Object.values(value).reduce((sum: number, each) => sum + keysIn(each), 0)
  return inner + (Array.isArray(value) ? 0 : Object.keys(value).length)
}
