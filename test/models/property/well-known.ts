import { create, type DescMessage, fromJson } from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import type { Draw } from './draw.ts'
import { drawScalar, type Element, type Rules } from './elements.ts'
import { bound } from './numbers.ts'

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
        : { ...scalar, zero: undefined, ...known(name, (d) => ({ value: scalar.value(d, undefined) })) }
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
