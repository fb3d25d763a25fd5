import { create, type MessageInitShape, setExtension, toBinary } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  Edition,
  FeatureSet_MessageEncoding as Encoding,
  EnumDescriptorProtoSchema,
  FeatureSet_EnumType as EnumType,
  FeatureSetSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  FieldDescriptorProto_Label as Label,
  MessageOptionsSchema,
  OneofOptionsSchema,
  FeatureSet_FieldPresence as Presence,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import {
  FieldRulesSchema,
  field as fieldRules,
  file_buf_validate_validate,
  Ignore,
  MessageOneofRuleSchema,
  MessageRulesSchema,
  message as messageRules,
  OneofRulesSchema,
  oneof as oneofRules,
  RuleSchema,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { typeFaults } from '../../../src/contracts/checks/types.ts'
import { readImage } from '../../../src/contracts/image.ts'
import { loadContracts, type Method } from '../../../src/contracts/method.ts'
import type { Draw } from './draw.ts'
import { drawKey, drawScalar, drawWellKnown, type Element, type Rules } from './elements.ts'

/** What the values of a field have to be. */
export type FieldPlan = {
  element: Element
  shape: 'implicit' | 'explicit' | 'list' | 'map'
  /** Of a list or a map. */
  size: { min: number; max: number }
  unique: boolean
  key: Element | undefined
  required: boolean
  /** Whether the zero value need not keep the rules. */
  spared: boolean
}

/** What a message has to be: `groups` are fields of which at most one may be set, or exactly one. */
export type MessagePlan = {
  fields: Map<string, FieldPlan>
  groups: { fields: string[]; required: boolean }[]
}

export type Contract = { method: Method; file: FileDescriptorProto; plans: ReadonlyMap<string, MessagePlan> }

type Syntax = 'proto2' | 'proto3' | 'editions'
type Types = { syntax: Syntax; messages: string[]; enums: DrawnEnum[] }
type DrawnEnum = { name: string; numbers: number[]; closed: boolean }

const common = [
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
  file_buf_validate_validate,
].map(({ proto }) => proto)

/** A contract of one method that publishing takes, as `buf build` would write it. */
export function drawContract(draw: Draw): Contract {
  const syntax = draw.pick(['proto3', 'proto3', 'proto2', 'editions'] as const)
  const enums = Array.from({ length: draw.whole(1, 2) }, (_, index) => drawEnum(draw, syntax, index))
  const messages = Array.from({ length: draw.whole(1, 4) }, (_, index) =>
    index > 0 && draw.chance(30) ? `.prop.v1.M0.M${index}` : `.prop.v1.M${index}`,
  )
  const types: Types = { syntax, messages, enums: enums.map(({ drawn }) => drawn) }
  const plans = new Map<string, MessagePlan>()
  const protos = messages.map((_, index) => {
    const plan: MessagePlan = { fields: new Map(), groups: [] }
    plans.set(messages[index]?.slice(1) ?? '', plan)
    return drawMessage(draw, types, index, plan)
  })
  const [root] = protos
  if (!root) throw new Error('no message')
  root.nestedType.push(...protos.filter((_, index) => messages[index]?.startsWith('.prop.v1.M0.M')))
  const top = protos.filter((proto) => !root.nestedType.includes(proto))
  const file = create(FileDescriptorProtoSchema, {
    name: 'prop/v1/prop.proto',
    package: 'prop.v1',
    dependency: common.map(({ name }) => name),
    messageType: [...top, create(DescriptorProtoSchema, { name: 'Ask' })],
    enumType: enums.map(({ proto }) => proto),
    service: [{ name: 'S', method: [{ name: 'M', inputType: '.prop.v1.Ask', outputType: '.prop.v1.M0' }] }],
    ...(syntax === 'editions' ? { syntax, edition: Edition.EDITION_2023 } : { syntax }),
  })
  const image = readImage(
    toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...common, file] })),
  )
  const [fault] = typeFaults(image)
  if (fault) throw new Error(`publishing would refuse the contract: ${JSON.stringify(fault)}`)
  const method = loadContracts(image, () => 1).flatMap((contract) => [...contract.methods.values()])[0]
  if (!method) throw new Error('no method')
  return { method, file, plans }
}

function drawEnum(draw: Draw, syntax: Syntax, index: number) {
  const closed = syntax === 'proto2' || (syntax === 'editions' && draw.chance(40))
  const numbers = [...(closed && draw.chance(60) ? [] : [0]), 1, -1, 7, 2_147_483_647, -2_147_483_648]
  const count = draw.whole(1, numbers.length)
  const used = numbers.slice(0, count)
  const aliased = draw.chance(25)
  const all = aliased ? [...used, used[0] ?? 0] : used
  const proto = create(EnumDescriptorProtoSchema, {
    name: `E${index}`,
    value: all.map((number, at) => ({
      name: draw.chance(10) ? `lower${index}_${at}` : `E${index}_VALUE_${at}`,
      number,
    })),
    options: {
      ...(aliased && { allowAlias: true }),
      ...(syntax === 'editions' && closed && { features: create(FeatureSetSchema, { enumType: EnumType.CLOSED }) }),
    },
  })
  return { proto, drawn: { name: `.prop.v1.E${index}`, numbers: used, closed } }
}

function drawMessage(draw: Draw, types: Types, index: number, plan: MessagePlan): DescriptorProto {
  const name = `M${index}`
  const proto = create(DescriptorProtoSchema, { name })
  const count = draw.whole(1, 6)
  for (let at = 0; at < count; at++) addField(draw, types, index, proto, plan, at)
  if (draw.chance(30)) addOneof(draw, types, proto, plan, count)
  const rules = create(MessageRulesSchema)
  if (draw.chance(20)) rules.oneof.push(create(MessageOneofRuleSchema, addGroup(draw, types, proto, plan, count + 5)))
  addSyntheticOneofs(proto)
  if (draw.chance(20)) {
    const list = [...plan.fields].find(([, { shape }]) => shape === 'list')?.[0]
    const expression = list === undefined ? 'true' : `size(this.${list}) < 50`
    rules.cel.push(create(RuleSchema, { id: 'few', message: 'must be few', expression }))
  }
  if (rules.oneof.length + rules.cel.length > 0) {
    proto.options = create(MessageOptionsSchema)
    setExtension(proto.options, messageRules, rules)
  }
  return proto
}

function addField(
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
  const inner = element.rules || element.cel ? rulesOf(element) : undefined
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
  plan.fields.set(field.name, { element, shape, size, unique, key, required: min > 0, spared: false })
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

function addOneof(draw: Draw, types: Types, proto: DescriptorProto, plan: MessagePlan, from: number): void {
  const required = draw.chance(40)
  const options = create(OneofOptionsSchema)
  if (required) setExtension(options, oneofRules, create(OneofRulesSchema, { required }))
  proto.oneofDecl.push({ $typeName: 'google.protobuf.OneofDescriptorProto', name: 'choice', options })
  // The first ends every recursion.
  const elements = [drawScalar(draw), ...Array.from({ length: draw.whole(1, 3) }, () => drawElement(draw, types))]
  for (const [at, element] of elements.entries()) {
    const field = drawName(draw, from + at)
    field.type = element.type
    if (element.typeName !== undefined) field.typeName = element.typeName
    field.oneofIndex = 0
    field.options = create(FieldOptionsSchema)
    applyRules(field, element.rules, element.cel, {})
    proto.field.push(field)
    plan.fields.set(field.name, { ...singular(element), shape: 'explicit' })
  }
  const names = proto.field.slice(-elements.length).map(({ name }) => name)
  plan.groups.push({ fields: names, required })
}

/** Fields that are no oneof, but that a rule makes one. */
function addGroup(
  draw: Draw,
  types: Types,
  proto: DescriptorProto,
  plan: MessagePlan,
  from: number,
): MessagePlan['groups'][number] {
  const required = draw.chance(50)
  const names: string[] = []
  for (let at = 0; names.length < 2; at++) {
    const element = drawScalar(draw)
    if (!element.neverZero) continue
    const field = drawName(draw, from + at)
    field.type = element.type
    field.options = create(FieldOptionsSchema)
    if (types.syntax === 'editions')
      field.options.features = create(FeatureSetSchema, { fieldPresence: Presence.IMPLICIT })
    applyRules(field, element.rules, element.cel, {})
    proto.field.push(field)
    const shape = types.syntax === 'proto2' ? 'explicit' : 'implicit'
    plan.fields.set(field.name, { ...singular(element), shape, spared: true })
    names.push(field.name)
  }
  const group = { fields: names, required }
  plan.groups.push(group)
  return group
}

function singular(element: Element): FieldPlan {
  const size = { min: 0, max: 0 }
  return { element, shape: 'explicit', size, unique: false, key: undefined, required: false, spared: false }
}

/** Those of `optional` come after the others. */
function addSyntheticOneofs(proto: DescriptorProto): void {
  for (const field of proto.field.filter(({ proto3Optional }) => proto3Optional)) {
    field.oneofIndex = proto.oneofDecl.length
    proto.oneofDecl.push({ $typeName: 'google.protobuf.OneofDescriptorProto', name: `_${field.name}` })
  }
}

function drawElement(draw: Draw, types: Types): Element {
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
      return { type, typeName, neverZero, rules: ruled({ in: chosen }), value: (d) => d.pick(chosen) }
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

const stems = ['f', 'some_field_', 'camelCase', 'UPPER_', 'a_b_', 'has_', '_x']
/** In pairs, so that no message has one of them twice. */
const oddNames = [
  ...['constructor', 'key', 'value', 'to_string', 'has_own_property', 'length'],
  ...['is_prototype_of', 'to_locale_string', '__proto__', 'value_of'],
]

function drawName(draw: Draw, at: number): FieldDescriptorProto {
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

function applyRules(
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
