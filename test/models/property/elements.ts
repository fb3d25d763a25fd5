import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import type { FieldRulesSchema } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Draw } from './draw.ts'
import { drawInteger, drawNumber } from './numbers.ts'
import type { Types } from './plan.ts'
import { drawBool, drawBytes, drawString } from './texts.ts'
import { drawWellKnown } from './well-known.ts'

export type Rules = NonNullable<MessageInitShape<typeof FieldRulesSchema>['type']>

/** What a field, an item of a list, or a key or value of a map holds: its type, its rules, and values that keep them. */
export type Element = {
  type: Type
  typeName?: string
  rules?: Rules
  cel?: { id: string; message: string; expression: string }[]
  /** Whether no value of it is the zero value of its type. */
  neverZero?: boolean
  /** What that is, where the schema says which values there are. */
  zero?: unknown
  /** A value as reflection takes it; `desc` is the message that the field holds. */
  value(draw: Draw, desc: DescMessage | undefined): unknown
}

export function drawElement(draw: Draw, types: Types): Element {
  const kind = draw.pick(['scalar', 'scalar', 'well-known', 'enum', 'message'] as const)
  if (kind === 'scalar') return drawScalar(draw)
  if (kind === 'well-known') return drawWellKnown(draw)
  if (kind === 'enum') return drawEnumElement(draw, types)
  const typeName = draw.pick(types.messages)
  return { type: Type.MESSAGE, typeName, value: () => undefined }
}

function drawEnumElement(draw: Draw, types: Types): Element {
  const type = Type.ENUM
  if (draw.chance(10)) return { type, typeName: '.google.protobuf.NullValue', value: () => 0 }
  const { name: typeName, numbers } = draw.pick(types.enums)
  const chosen = numbers.slice(-draw.whole(1, numbers.length))
  const neverZero = !chosen.includes(0)
  const ruled = (value: object): Rules => ({ case: 'enum', value }) as Rules
  const others = numbers.filter((number) => !chosen.includes(number))
  switch (draw.whole(0, 4)) {
    case 0:
      return { type, typeName, neverZero, zero: numbers[0], rules: ruled({ in: chosen }), value: (d) => d.pick(chosen) }
    case 1:
      return {
        type,
        typeName,
        neverZero,
        rules: ruled({ definedOnly: true, notIn: others }),
        value: (d) => d.pick(chosen),
      }
    case 2:
      return { type, typeName, rules: ruled({ const: numbers[0] ?? 0 }), value: () => numbers[0] ?? 0 }
    default:
      return { type, typeName, value: (d) => d.pick(numbers) }
  }
}

/** Without the kinds that need other types of the contract. */
export function drawScalar(draw: Draw): Element {
  const kind = draw.pick(['number', 'number', 'number', 'string', 'string', 'bytes', 'bool'] as const)
  if (kind === 'number') return drawNumber(draw)
  if (kind === 'string') return drawString(draw)
  return kind === 'bytes' ? drawBytes(draw) : drawBool(draw)
}

/** A key of a map: also those have rules. */
export function drawKey(draw: Draw): Element {
  if (draw.chance(40)) return drawString(draw)
  return draw.chance(15) ? drawBool(draw) : drawInteger(draw)
}
