import { create, type MessageInitShape, setExtension } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FeatureSet_MessageEncoding as Encoding,
  FeatureSetSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FieldDescriptorProto_Label as Label,
  FeatureSet_FieldPresence as Presence,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { FieldRulesSchema, field as fieldRules, Ignore } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Draw } from './draw.ts'
import { drawElement, drawKey, type Element, type Rules } from './elements.ts'
import type { MessagePlan, Types } from './plan.ts'

export function addField(
  draw: Draw,
  types: Types,
  index: number,
  proto: DescriptorProto,
  plan: MessagePlan,
  at: number,
): void {
  const { syntax } = types
  const shape = draw.pick(['implicit', 'implicit', 'explicit', 'list', 'map'] as const)
  const element = drawElement(draw, types)
  const isMessage = element.type === Type.MESSAGE
  // What is required must lead to other messages only, or none of them could ever be complete.
  const leadsOn = !recurs(element) || types.messages.indexOf(element.typeName ?? '') > index
  const field = drawName(draw, at)
  proto.field.push(field)
  field.type = element.type
  if (element.typeName !== undefined) field.typeName = element.typeName
  if (shape === 'list' || shape === 'map') {
    addMany(draw, shape, element, proto, types.messages[index] ?? '', field, plan)
    return
  }
  const legacy = syntax !== 'proto3' && leadsOn && draw.chance(20)
  const closed = types.enums.some(({ name, closed }) => closed && name === element.typeName)
  const implicit = syntax === 'proto3' ? shape === 'implicit' : syntax === 'editions' && shape === 'implicit' && !closed
  const features = create(FeatureSetSchema)
  if (legacy && syntax === 'proto2') field.label = Label.REQUIRED
  else if (syntax === 'editions') {
    if (legacy) features.fieldPresence = Presence.LEGACY_REQUIRED
    else if (implicit && !isMessage) features.fieldPresence = Presence.IMPLICIT
    if (isMessage && draw.chance(20)) features.messageEncoding = Encoding.DELIMITED
  } else if (syntax === 'proto3' && !implicit) field.proto3Optional = true
  if (syntax === 'proto2' && isMessage && draw.chance(20)) field.type = Type.GROUP
  const zeroable = implicit && !legacy && !isMessage
  const required = leadsOn && draw.chance(15) && (!zeroable || element.neverZero === true)
  const spared = zeroable && !required && element.rules !== undefined && draw.chance(30)
  const ignored = !spared && !required && element.rules !== undefined && draw.chance(5)
  field.options = create(FieldOptionsSchema, syntax === 'editions' ? { features } : {})
  applyRules(field, element.rules, element.cel, {
    ...(required && { required }),
    ...(spared && { ignore: Ignore.IF_ZERO_VALUE }),
    ...(ignored && { ignore: Ignore.ALWAYS }),
  })
  plan.fields.set(field.name, {
    element,
    shape: zeroable ? 'implicit' : 'explicit',
    size: { min: 0, max: 0 },
    unique: false,
    key: undefined,
    required: required || legacy,
    spared: spared || (ignored && zeroable),
  })
}

function addMany(
  draw: Draw,
  shape: 'list' | 'map',
  element: Element,
  proto: DescriptorProto,
  owner: string,
  field: FieldDescriptorProto,
  plan: MessagePlan,
): void {
  field.label = Label.REPEATED
  const min = draw.chance(20) && !recurs(element) ? 1 : 0
  const size = { min, max: min + draw.whole(1, 2) }
  const bounded = min > 0 || draw.chance(20)
  const key = shape === 'map' ? drawKey(draw) : undefined
  const unique = shape === 'list' && draw.chance(15) && element.type !== Type.MESSAGE
  const spared = element.zero !== undefined && draw.chance(40)
  const value: Element['value'] = (d, desc) => (spared && d.chance(30) ? element.zero : element.value(d, desc))
  const ignore = spared ? { ignore: Ignore.IF_ZERO_VALUE } : {}
  const inner = element.rules || element.cel ? { ...rulesOf(element), ...ignore } : undefined
  if (key) {
    const camel = `F${field.name.replaceAll('_', '')}Entry`
    proto.nestedType.push(entryOf(camel, key, element))
    field.type = Type.MESSAGE
    field.typeName = `${owner}.${camel}`
    const keys = key.rules || key.cel ? rulesOf(key) : undefined
    const pairs = bounded ? { minPairs: BigInt(size.min), maxPairs: BigInt(size.max) } : {}
    const rules = { ...pairs, ...(keys && { keys }), ...(inner && { values: inner }) }
    applyRules(field, Object.keys(rules).length > 0 ? { case: 'map', value: rules } : undefined, undefined, {})
  } else {
    const items = bounded ? { minItems: BigInt(size.min), maxItems: BigInt(size.max) } : {}
    const rules = { ...items, ...(unique && { unique }), ...(inner && { items: inner }) }
    applyRules(field, Object.keys(rules).length > 0 ? { case: 'repeated', value: rules } : undefined, undefined, {})
  }
  plan.fields.set(field.name, {
    element: { ...element, value },
    shape,
    size,
    unique,
    key,
    required: min > 0,
    spared: false,
  })
}

/** Whether a message of the contract is held, which may hold itself. */
function recurs({ typeName }: Element): boolean {
  return typeName?.startsWith('.prop.v1.M') ?? false
}

function entryOf(name: string, key: Element, value: Element): DescriptorProto {
  const typed = ({ type, typeName }: Element) => ({ type, ...(typeName !== undefined && { typeName }) })
  return create(DescriptorProtoSchema, {
    name,
    options: { mapEntry: true },
    field: [
      { name: 'key', jsonName: 'key', number: 1, label: Label.OPTIONAL, ...typed(key) },
      { name: 'value', jsonName: 'value', number: 2, label: Label.OPTIONAL, ...typed(value) },
    ],
  })
}

const stems = ['f', 'some_field_', 'camelCase', 'UPPER_', 'a_b_', 'has_', '_x']
/** In pairs, so that no message has one of them twice. */
const oddNames = [
  ...['constructor', 'key', 'value', 'to_string', 'has_own_property', 'length'],
  ...['is_prototype_of', 'to_locale_string', '__proto__', 'value_of'],
]

export function drawName(draw: Draw, at: number): FieldDescriptorProto {
  const name =
    at < 2 && draw.chance(15)
      ? (oddNames[draw.whole(0, oddNames.length / 2 - 1) * 2 + at] ?? '')
      : `${draw.pick(stems)}${at}`
  const jsonName = draw.chance(10) ? `${draw.pick(['@j', 'j-', 'j ', 'ü', '$', '"'])}${at}` : camel(name)
  // Beyond 15 a tag takes a second byte, beyond 2047 a third.
  const number = at + 1 + draw.pick([0, 0, 0, 100, 3_000, 500_000_000])
  return create(FieldDescriptorProtoSchema, { name, jsonName, number, label: Label.OPTIONAL })
}

function camel(name: string): string {
  return name.replaceAll(/_+(.?)/g, (_, letter: string) => letter.toUpperCase())
}

function rulesOf({ rules, cel = [] }: Element): MessageInitShape<typeof FieldRulesSchema> {
  return { ...(rules && { type: rules }), cel }
}

export function applyRules(
  field: FieldDescriptorProto,
  rules: Rules | undefined,
  cel: Element['cel'],
  others: { required?: boolean; ignore?: Ignore },
): void {
  if (!rules && !cel && Object.keys(others).length === 0) return
  field.options ??= create(FieldOptionsSchema)
  const given = create(FieldRulesSchema, { ...(rules && { type: rules }), cel: cel ?? [], ...others })
  setExtension(field.options, fieldRules, given)
}
