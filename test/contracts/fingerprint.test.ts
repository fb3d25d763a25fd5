import assert from 'node:assert/strict'
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { decodeRequest } from '../../src/contracts/codec.ts'
import { fingerprint } from '../../src/contracts/fingerprint.ts'
import type { Method } from '../../src/contracts/method.ts'
import { kinds, kindsJson } from '../support/kinds.ts'
import { methodOf } from '../support/methods.ts'

describe('fingerprint', () => {
  let method: Method
  before(async () => {
    method = await methodOf(kinds)
  })

  const of = (bytes: Uint8Array): string => fingerprint(method.input, decodeRequest(method, bytes)).toString('hex')

  /** The fields of a message, and the entries of its maps, in another order that means the same. */
  function shuffled(bytes: Uint8Array, order: () => number): Uint8Array {
    const reader = new BinaryReader(bytes)
    const records: { no: number; bytes: Uint8Array; rank: number }[] = []
    while (reader.pos < reader.len) {
      const start = reader.pos
      const [no, type] = reader.tag()
      const data = reader.skip(type, no)
      const inner = nested.has(no) ? shuffled(new BinaryReader(data).bytes(), order) : undefined
      const record = inner ? new BinaryWriter().tag(no, type).bytes(inner).finish() : bytes.subarray(start, reader.pos)
      records.push({ no, bytes: record, rank: order() })
    }
    // The items of a list keep their order, and so do unknown fields of one number: theirs may mean something.
    const inSequence = new Map<number, typeof records>()
    for (const record of records) inSequence.set(record.no, [...(inSequence.get(record.no) ?? []), record])
    for (const [no, group] of inSequence) {
      if (maps.has(no)) continue
      const ranks = group.map(({ rank }) => rank).sort((a, b) => a - b)
      for (const [index, record] of group.entries()) record.rank = ranks[index] ?? 0
    }
    records.sort((a, b) => a.rank - b.rank)
    return Buffer.concat(records.map((record) => record.bytes))
  }
  const nested = new Set([17, 21])
  const maps = new Set([22, 24, 25])

  const message = fc.letrec((tie) => ({
    message: fc.record(
      {
        stringValue: fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
        int64Value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
        doubleValue: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant('NaN')),
        numbers: fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 4 }),
        labels: fc.dictionary(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 }), { maxKeys: 5 }),
        counts: fc.dictionary(fc.string({ maxLength: 3 }), fc.constantFrom('0', '7'), { maxKeys: 5 }),
        child: tie('message'),
        children: fc.array(tie('message'), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
  })).message

  it('does not depend on the order of fields, map entries and unknown fields on the wire', () => {
    fc.assert(
      fc.property(message, fc.array(fc.nat({ max: 9 }), { minLength: 1 }), (json, ranks) => {
        let next = 0
        const order = () => ranks[next++ % ranks.length] ?? 0
        const known = toBinary(method.input, fromJson(method.input, JSON.parse(JSON.stringify(json))))
        const unknown = new BinaryWriter().tag(900, 0).uint32(1).tag(901, 2).string('x').tag(900, 0).uint32(2).finish()
        const bytes = Buffer.concat([known, unknown])
        assert.equal(of(shuffled(bytes, order)), of(bytes))
      }),
      { numRuns: 300 },
    )
  })

  it('differs when anything differs', () => {
    const base = toBinary(method.input, fromJson(method.input, kindsJson))
    const seen = new Set([of(base)])
    const without = Object.keys(kindsJson).map((key) => {
      const json: Record<string, unknown> = { ...kindsJson }
      delete json[key]
      return toBinary(method.input, fromJson(method.input, JSON.parse(JSON.stringify(json))))
    })
    const more = Buffer.concat([base, new BinaryWriter().tag(900, 0).uint32(1).finish()])
    for (const bytes of [...without, more]) {
      const print = of(bytes)
      assert.equal(seen.has(print), false)
      seen.add(print)
    }
  })

  it('has 32 bytes, and sorts what stands in a Struct and in groups', async () => {
    const json = (fields: JsonValue) =>
      fingerprint(method.input, fromJson(method.input, { struct: { deep: [fields] } }))
    assert.equal(json({}).length, 32)
    assert.deepEqual(json({ a: 1, b: { c: 2, d: 3 } }), json({ b: { d: 3, c: 2 }, a: 1 }))
    const old = await methodOf(
      'syntax = "proto2"; package test.group.v1; service GroupService { rpc Echo(M) returns (M); } ' +
        'message M { optional group Part = 1 { map<string, string> labels = 2; } }',
    )
    const print = (labels: Record<string, string>) => fingerprint(old.input, fromJson(old.input, { part: { labels } }))
    assert.deepEqual(print({ x: '1', y: '2' }), print({ y: '2', x: '1' }))
    assert.notDeepEqual(print({ x: '1', y: '2' }), print({ x: '2', y: '1' }))
  })
})
