import { create, setExtension } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FeatureSetSchema,
  FieldOptionsSchema,
  MessageOptionsSchema,
  OneofOptionsSchema,
  FeatureSet_FieldPresence as Presence,
} from '@bufbuild/protobuf/wkt'
import {
  MessageOneofRuleSchema,
  MessageRulesSchema,
  message as messageRules,
  OneofRulesSchema,
  oneof as oneofRules,
  RuleSchema,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Draw } from './draw.ts'
import { drawElement, drawScalar, type Element } from './elements.ts'
import { addField, applyRules, drawName } from './field-type.ts'
import type { FieldPlan, MessagePlan, Types } from './plan.ts'

/** Draws the message type of that index, and writes into `plan` what its messages have to be. */
export function drawMessageType(draw: Draw, types: Types, index: number, plan: MessagePlan): DescriptorProto {
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
