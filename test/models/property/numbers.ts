import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import type { Draw } from './draw.ts'
import type { Element, Rules } from './elements.ts'

export function drawNumber(draw: Draw): Element {
  return draw.chance(25) ? drawFloat(draw) : drawInteger(draw)
}

type Integer = { type: Type; rule: string; bits: 32 | 64; signed: boolean }

const integers: readonly Integer[] = [
  { type: Type.INT32, rule: 'int32', bits: 32, signed: true },
  { type: Type.SINT32, rule: 'sint32', bits: 32, signed: true },
  { type: Type.SFIXED32, rule: 'sfixed32', bits: 32, signed: true },
  { type: Type.UINT32, rule: 'uint32', bits: 32, signed: false },
  { type: Type.FIXED32, rule: 'fixed32', bits: 32, signed: false },
  { type: Type.INT64, rule: 'int64', bits: 64, signed: true },
  { type: Type.SINT64, rule: 'sint64', bits: 64, signed: true },
  { type: Type.SFIXED64, rule: 'sfixed64', bits: 64, signed: true },
  { type: Type.UINT64, rule: 'uint64', bits: 64, signed: false },
  { type: Type.FIXED64, rule: 'fixed64', bits: 64, signed: false },
]

/** Integers are drawn as bigint, and are numbers where protobuf-es has them so. */
export function drawInteger(draw: Draw): Element {
  const { type, rule, bits, signed } = draw.pick(integers)
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n
  const most = 2n ** BigInt(signed ? bits - 1 : bits) - 1n
  const local = (value: bigint) => (bits === 64 ? value : Number(value))
  const ruled = (value: object) => ({ case: rule, value }) as Rules
  const any = (d: Draw) => (d.chance(40) ? d.pick([least, most, 0n, 1n, most - 1n]) : d.big(least, most))
  const low = draw.big(1n, 50n)
  const high = low + draw.big(0n, 50n)
  const within = (d: Draw) => local(d.big(low, high))
  switch (draw.whole(0, 7)) {
    case 0:
      return {
        type,
        rules: ruled({ greaterThan: bound('gte', local(low)), lessThan: bound('lte', local(high)) }),
        neverZero: true,
        value: within,
      }
    case 1: {
      const open = { greaterThan: bound('gt', local(low - 1n)), lessThan: bound('lt', local(high + 1n)) }
      return { type, rules: ruled(open), neverZero: true, value: within }
    }
    case 2:
      return { type, rules: ruled({ const: local(high) }), neverZero: true, value: () => local(high) }
    case 3:
      return {
        type,
        rules: ruled({ in: [local(low), local(most)] }),
        neverZero: true,
        value: (d) => local(d.pick([low, most])),
      }
    case 4: {
      const value = (d: Draw) => local(any(d) || 1n)
      return { type, rules: ruled({ notIn: [local(0n)] }), neverZero: true, value }
    }
    case 5: {
      const literal = signed ? String(low) : `${low}u`
      const cel = [{ id: 'at.least', message: `must be at least ${low}`, expression: `this >= ${literal}` }]
      return { type, cel, neverZero: true, value: (d) => local(d.big(low, most)) }
    }
    default:
      return { type, value: (d) => local(any(d)) }
  }
}

export function bound(kind: 'gt' | 'gte' | 'lt' | 'lte', value: unknown): { case: string; value: unknown } {
  return { case: kind, value }
}

function drawFloat(draw: Draw): Element {
  const single = draw.chance(50)
  const type = single ? Type.FLOAT : Type.DOUBLE
  const ruled = (value: object) => ({ case: single ? 'float' : 'double', value }) as Rules
  const exact = (value: number) => (single ? Math.fround(value) : value)
  // Not NaN and the infinities, which have no form in the schema; not -0, which JSON.stringify writes as 0.
  const edges = single ? [3.4028234663852886e38, 1.401298464324817e-45] : [Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53]
  const any = (d: Draw) =>
    d.chance(30)
      ? d.pick([0, ...edges, ...edges.map((edge) => -edge)])
      : exact(d.whole(-1_000_000, 1_000_000) / 997) || 0
  switch (draw.whole(0, 4)) {
    case 0:
      return {
        type,
        rules: ruled({ greaterThan: bound('gte', 0.5), lessThan: bound('lt', 100) }),
        neverZero: true,
        value: (d) => exact(d.whole(1, 99) + 0.1),
      }
    case 1:
      return { type, rules: ruled({ in: [0.25, -3] }), neverZero: true, value: (d) => d.pick([0.25, -3]) }
    case 2:
      return { type, rules: ruled({ finite: true }), value: any }
    default:
      return { type, value: any }
  }
}
