import { create, toBinary } from '@bufbuild/protobuf'
import {
  DescriptorProtoSchema,
  Edition,
  EnumDescriptorProtoSchema,
  FeatureSet_EnumType as EnumType,
  FeatureSetSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt'
import { file_buf_validate_validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { typeFaults } from '../../../src/contracts/checks/types.ts'
import { readImage } from '../../../src/contracts/image.ts'
import { loadContracts, type Method } from '../../../src/contracts/method.ts'
import type { Draw } from './draw.ts'
import { drawMessageType } from './message-type.ts'
import type { MessagePlan, Syntax, Types } from './plan.ts'

/** `plans` by the name of the message type. */
export type Contract = { method: Method; plans: ReadonlyMap<string, MessagePlan> }

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
    return drawMessageType(draw, types, index, plan)
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
  return { method, plans }
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
