import assert from 'node:assert/strict'
import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf'
import { messageCheck } from '../../src/cli/contract-test/expectation.ts'
import { Source } from '../../src/cli/contract-test/source.ts'
import type { Method } from '../../src/contracts/method.ts'
import { kinds, kindsJson } from '../support/kinds.ts'
import { methodOf } from '../support/methods.ts'

describe('what an example expects of a response', () => {
  let method: Method
  before(async () => {
    method = await methodOf(
      kinds.replace('string string_value = 14;', 'string string_value = 14; string pin = 39 [debug_redact = true];'),
    )
  })

  function compiled(yaml: string) {
    const source = new Source('x.yaml', yaml)
    const scope = { source, registry: method.registry, hidden: false }
    const check = messageCheck(method.output, source.items[0], scope)
    return { check, faults: source.faults.map(({ line, column, cause }) => `${line}:${column}: ${cause}`) }
  }

  /** What is wrong with a response. */
  function wrong(yaml: string, json: JsonValue = kindsJson): string[] {
    const { check, faults } = compiled(yaml)
    assert.deepEqual(faults, [])
    const { output, registry } = method
    const found: string[] = []
    check(toJson(output, fromJson(output, json, { registry }), { registry, alwaysEmitImplicit: true }), '', found)
    return found
  }

  for (const yaml of [
    'int64_value: -9223372036854775808',
    'int64Value: "-9223372036854775808"',
    'uint64Value: 18446744073709551615',
    'fixed64Value: {gt: 9, lte: "10"}',
    'color: 2',
    'color: {in: [COLOR_RED, COLOR_BLUE]}',
    'floatValue: {gte: 0.25, lt: 0.26}',
    'time: 2026-03-01T01:59:59.500+02:00',
    'time: {gt: 2026-02-28T23:59:59.499999999Z, lt: 2026-02-28T23:59:59.500000001Z}',
    'duration: "-1.500s"',
    'duration: {lt: -1s, gt: -2s}',
    'bytesValue: AAEC_w',
    'child: {stringValue: inner, child: {boolValue: true, int32Value: 0}}',
    'numbers: [3, {gte: 1}, 2]',
    'children: [{int32Value: 1}, {}]',
    'labels: {a: 1x}\ntwo: 42'.replace('1x', '"1"'),
    'byNumber: {"-1": {stringValue: m}}',
    'byBool: {true: COLOR_RED}',
    'counts: {x: {gte: 5}}',
    'one: null\nthree: null',
    'maybe: 0',
    'wrapped: 0',
    'struct: {a: b, z: [1, {y: null}]}',
    'value: null',
    'list: [true, x, {k: 2}]',
    'mask: stringValue,child.boolValue',
  ]) {
    it(`holds: ${yaml.replaceAll('\n', '; ')}`, () => assert.deepEqual(wrong(yaml), []))
  }

  for (const [yaml, said] of [
    ['int32Value: 5', 'int32Value: expected 5, got -5'],
    ['int64Value: {gte: 0}', 'int64Value: expected gte "0", got "-9223372036854775808"'],
    ['color: COLOR_RED', 'color: expected "COLOR_RED", got "COLOR_BLUE"'],
    ['color: {in: [COLOR_RED]}', 'color: expected in ["COLOR_RED"], got "COLOR_BLUE"'],
    ['child: {child: {boolValue: false}}', 'child.child.boolValue: expected false, got true'],
    ['numbers: [3, 1]', 'numbers: expected 2 items, got [3,1,2]'],
    ['children: [{int32Value: 1}, {int32Value: 2}]', 'children[1].int32Value: expected 2, got 0'],
    ['labels: {c: "3"}', 'labels["c"]: expected "3", got nothing'],
    ['one: x', 'one: expected "x", got nothing'],
    ['two: null', 'two: expected nothing, got "42"'],
    ['maybe: null', 'maybe: expected nothing, got 0'],
    ['one: {in: [x]}', 'one: expected in ["x"], got nothing'],
    ['struct: {a: c}', 'struct: expected {"a":"c"}, got {"z":[1,{"y":null}],"a":"b"}'],
    ['pin: "1234"', 'pin: is not as expected (its values are not shown)'],
  ] as const) {
    it(`says: ${said}`, () => assert.deepEqual(wrong(yaml, { ...kindsJson, pin: '9999' }), [said]))
  }

  it('refuses aliases that grow out of bounds', () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let n = 1; n < 9; n++)
      bomb.push(`a${n}: &a${n} [${Array.from({ length: 10 }, () => `*a${n - 1}`).join(', ')}]`)
    const source = new Source('x.yaml', `${bomb.join('\n')}\nlast: *a8\n`)
    const [item] = source.items
    assert.ok(item)
    assert.throws(() => source.valueOf(item), /^Failure: Excessive alias count/)
  })

  it('takes a float for what it is on the wire', () => {
    assert.deepEqual(wrong('floatValue: 0.1', { floatValue: Math.fround(0.1) }), [])
  })

  it('takes what is empty for unset where a field cannot say so', () => {
    assert.deepEqual(
      wrong('int32Value: null\ncolor: null\nnumbers: null\nlabels: null\nstringValue: null\nint64Value:', {}),
      [],
    )
  })

  for (const [yaml, fault] of [
    ['int32Valu: 5', '1:1: test.kinds.v1.Kinds has no field int32Valu: did you mean int32Value?'],
    ['int32Value: 1.5', '1:13: int32_value must be an integer from -2147483648 to 2147483647'],
    ['color: GREEN', '1:8: color must be one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE'],
    ['stringValue: {gt: a}', '1:15: string_value has no order: compare it by value, or by {in: […]}'],
    ['int32Value: {above: 1}', '1:14: above is no comparison: gt, gte, lt, lte and in are'],
    ['int32Value: {in: 1}', '1:18: in must be a list of values'],
    ['numbers: 3', '1:10: numbers is a list: write one, or an expression in cel'],
    ['labels: x', '1:9: labels is a map: write a mapping of its keys'],
    ['child: x', '1:8: must be a mapping of the fields of test.kinds.v1.Kinds'],
    ['a:\n- b\n\t- c', '3:1: is not YAML'],
  ] as const) {
    it(`refuses ${JSON.stringify(yaml)}`, () => {
      const [first = ''] = yaml.includes('\t')
        ? new Source('x', yaml).faults.map(({ line, column, cause }) => `${line}:${column}: ${cause}`)
        : compiled(yaml).faults
      assert.ok(first.startsWith(fault), first)
    })
  }
})
