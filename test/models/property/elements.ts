import { create, type DescMessage, fromJson, type MessageInitShape } from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import type { FieldRulesSchema } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Draw } from './draw.ts'

export type Rules = NonNullable<MessageInitShape<typeof FieldRulesSchema>['type']>

/** What a field, an item of a list, or a key or value of a map holds: its type, its rules, and values that keep them. */
export type Element = {
  type: Type
  typeName?: string
  rules?: Rules
  cel?: { id: string; message: string; expression: string }[]
  /** Whether no value of it is the zero value of its type. */
  neverZero?: boolean
  /** A value as reflection takes it; `desc` is the message that the field holds. */
  value(draw: Draw, desc: DescMessage | undefined): unknown
}

/** Without the kinds that need other types of the contract. */
export function drawScalar(draw: Draw): Element {
  const kind = draw.pick(['number', 'number', 'number', 'string', 'string', 'bytes', 'bool'] as const)
  if (kind === 'number') return drawNumber(draw)
  if (kind === 'string') return drawString(draw)
  return kind === 'bytes' ? drawBytes(draw) : drawBool(draw)
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

function drawNumber(draw: Draw): Element {
  return draw.chance(25) ? drawFloat(draw) : drawInteger(draw, draw.pick(integers))
}

/** Integers are drawn as bigint, and are numbers where protobuf-es has them so. */
function drawInteger(draw: Draw, { type, rule, bits, signed }: Integer): Element {
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

function bound(kind: 'gt' | 'gte' | 'lt' | 'lte', value: unknown): { case: string; value: unknown } {
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

const samples: Readonly<Record<string, readonly string[]>> = {
  email: ['ada@example.com', 'a.b+c@mail.example.org'],
  uuid: ['018f4d2e-7b1a-7c3d-9e4f-5a6b7c8d9e0f'],
  ipv4: ['192.0.2.1', '0.0.0.0'],
  ipv6: ['2001:db8::1', '::'],
  hostname: ['example.com', 'a-b.example'],
  uri: ['https://example.com/a?b=c#d', 'mailto:ada@example.com'],
}

function drawString(draw: Draw): Element {
  const type = Type.STRING
  const ruled = (value: object) => ({ case: 'string', value }) as Rules
  const least = draw.whole(1, 3)
  const most = least + draw.whole(0, 5)
  switch (draw.whole(0, 9)) {
    case 0: {
      const bounds = { minLen: BigInt(least), maxLen: BigInt(most) }
      return { type, rules: ruled(bounds), neverZero: true, value: (d) => d.text(least, most) }
    }
    case 1:
      return { type, rules: ruled({ len: BigInt(least) }), neverZero: true, value: (d) => d.text(least, least) }
    case 2:
      return {
        type,
        rules: ruled({ in: ['S', 'M', 'ü "x"'] }),
        neverZero: true,
        value: (d) => d.pick(['S', 'M', 'ü "x"']),
      }
    case 3:
      return { type, rules: ruled({ const: 'only' }), neverZero: true, value: () => 'only' }
    case 4:
      return {
        type,
        rules: ruled({ prefix: 'a-', suffix: '-z' }),
        neverZero: true,
        value: (d) => `a-${d.text(0, 5)}-z`,
      }
    case 5: {
      const value = (d: Draw) => 'abcdefgh'.slice(d.whole(0, 3), d.whole(5, 8))
      return { type, rules: ruled({ pattern: '^[a-z]{2,8}$' }), neverZero: true, value }
    }
    case 6: {
      const kind = draw.pick(Object.keys(samples))
      const values = samples[kind] ?? []
      return {
        type,
        rules: ruled({ wellKnown: { case: kind, value: true } }),
        neverZero: true,
        value: (d) => d.pick(values),
      }
    }
    case 7: {
      const cel = [{ id: 'short', message: 'must be short', expression: 'size(this) < 9' }]
      return { type, cel, value: (d) => d.text(0, 8) }
    }
    default:
      return { type, value: (d) => (d.chance(15) ? d.pick(['', '__proto__', 'null', '12', '{}']) : d.text(0, 12)) }
  }
}

function drawBytes(draw: Draw): Element {
  const type = Type.BYTES
  const ruled = (value: object) => ({ case: 'bytes', value }) as Rules
  switch (draw.whole(0, 3)) {
    case 0:
      return { type, rules: ruled({ minLen: 1n, maxLen: 5n }), neverZero: true, value: (d) => d.bytes(1, 5) }
    case 1:
      return { type, rules: ruled({ len: 16n }), neverZero: true, value: (d) => d.bytes(16, 16) }
    default:
      return { type, value: (d) => d.bytes(0, 7) }
  }
}

function drawBool(draw: Draw): Element {
  const type = Type.BOOL
  if (draw.chance(20))
    return { type, rules: { case: 'bool', value: { const: true } }, neverZero: true, value: () => true }
  return { type, value: (d) => d.chance(50) }
}

/** A key of a map: also those have rules. */
export function drawKey(draw: Draw): Element {
  if (draw.chance(40)) return drawString(draw)
  return draw.chance(15) ? drawBool(draw) : drawInteger(draw, draw.pick(integers))
}

const wrappers: ReadonlyMap<Type, string> = new Map([
  [Type.DOUBLE, 'DoubleValue'],
  [Type.FLOAT, 'FloatValue'],
  [Type.INT64, 'Int64Value'],
  [Type.UINT64, 'UInt64Value'],
  [Type.INT32, 'Int32Value'],
  [Type.UINT32, 'UInt32Value'],
  [Type.BOOL, 'BoolValue'],
  [Type.STRING, 'StringValue'],
  [Type.BYTES, 'BytesValue'],
])

/** A message that has a form of its own in JSON. */
export function drawWellKnown(draw: Draw): Element {
  const kind = draw.pick([
    'wrapper',
    'wrapper',
    'Timestamp',
    'Duration',
    'FieldMask',
    'Struct',
    'Value',
    'ListValue',
    'Empty',
  ])
  switch (kind) {
    case 'Timestamp':
      return drawTimestamp(draw)
    case 'Duration':
      return drawDuration(draw)
    case 'FieldMask': {
      const paths = (d: Draw) =>
        Array.from({ length: d.whole(0, 3) }, () => d.pick(['a', 'a_b', 'first.second_part', 'x1']))
      return known('FieldMask', (d) => ({ paths: paths(d) }))
    }
    case 'Struct':
      return fromJsonOf('Struct', (d) =>
        Object.fromEntries(
          [
            ['a', d.json()],
            ['12', d.json()],
          ].slice(d.whole(0, 2)),
        ),
      )
    case 'ListValue':
      return fromJsonOf('ListValue', (d) => Array.from({ length: d.whole(0, 3) }, () => d.json()))
    case 'Value':
      return fromJsonOf('Value', (d) => d.json())
    case 'Empty':
      return known('Empty', () => ({}))
    default: {
      const scalar = drawScalar(draw)
      const name = wrappers.get(scalar.type)
      // A rule in CEL sees what is in the wrapper.
      return name === undefined
        ? drawTimestamp(draw)
        : { ...scalar, ...known(name, (d) => ({ value: scalar.value(d, undefined) })) }
    }
  }
}

function drawTimestamp(draw: Draw): Element {
  const first = { seconds: -62_135_596_800n, nanos: 0 }
  const last = { seconds: 253_402_300_799n, nanos: 999_999_999 }
  const any = (d: Draw, from = first.seconds) => ({
    seconds: d.big(from, last.seconds),
    nanos: d.pick([0, 1, 500_000_000, 123_456_789, 999_999_999]),
  })
  if (draw.chance(30)) {
    const rules = { case: 'timestamp', value: { greaterThan: bound('gt', { seconds: 1_000n }) } } as Rules
    return { ...known('Timestamp', (d) => any(d, 1_001n)), rules }
  }
  return known('Timestamp', (d) => (d.chance(20) ? d.pick([first, last]) : any(d)))
}

function drawDuration(draw: Draw): Element {
  const any = (d: Draw, least: bigint, most: bigint) => {
    const seconds = d.big(least, most)
    const nanos = d.pick([0, 1, 500_000_000, 999_999_999])
    return { seconds, nanos: seconds < 0n || (seconds === 0n && least < 0n && d.chance(50)) ? -nanos : nanos }
  }
  if (draw.chance(30)) {
    const rules = {
      case: 'duration',
      value: { greaterThan: bound('gte', { seconds: 1n }), lessThan: bound('lt', { seconds: 60n }) },
    }
    return { ...known('Duration', (d) => any(d, 1n, 59n)), rules: rules as Rules }
  }
  return known('Duration', (d) => (d.chance(50) ? any(d, -5n, 5n) : any(d, -315_575_999_999n, 315_575_999_999n)))
}

function known(name: string, init: (draw: Draw) => Record<string, unknown>): Element {
  const value = (draw: Draw, desc: DescMessage | undefined) => {
    if (!desc) throw new Error(`${name} is a message`)
    return reflect(desc, create(desc, init(draw)))
  }
  return { type: Type.MESSAGE, typeName: `.google.protobuf.${name}`, value }
}

function fromJsonOf(name: string, json: (draw: Draw) => ReturnType<Draw['json']>): Element {
  const value = (draw: Draw, desc: DescMessage | undefined): ReflectMessage => {
    if (!desc) throw new Error(`${name} is a message`)
    return reflect(desc, fromJson(desc, JSON.parse(JSON.stringify(json(draw)))))
  }
  return { type: Type.MESSAGE, typeName: `.google.protobuf.${name}`, value }
}
