import type { DescField, DescMessage, DescMethod } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt'
import type { Fault } from '../fault.ts'
import type { Image } from '../image.ts'
import { wellKnownCheck } from '../json/well-known.ts'
import { operationType, responseOf } from '../operation-info.ts'
import { reachable } from '../redact.ts'
import { requiredOption } from './required.ts'
import { changedWellKnown } from './well-known.ts'

/** Codec and validator are compiled by recursion over the types; a longer chain of them could overflow the stack. */
const maxTypes = 1_000

/** Every type of every method has a JSON form, so that a request can be shown to a model and an answer be filled by one. */
export function typeFaults(image: Image): Fault[] {
  const methods = image.services
    .flatMap((service) => service.methods)
    .map((desc) => ({ desc, input: desc.input, output: responseOf(desc, image.registry) }))
  // Of an operation it is said elsewhere what is wrong with it, rather than of every Any in it.
  const used = methods.flatMap(({ input, output }) => (output ? [input, output] : [input]))
  const small = new Set(used.filter((type) => type.typeName !== operationType && reachable(type).length <= maxTypes))
  const answers = new Set(methods.flatMap(({ output }) => (output && small.has(output) ? [output] : [])))
  const stuck = unfillable(new Set([...answers].flatMap((type) => reachable(type))))
  return [
    ...methods.flatMap(methodFaults),
    ...[...new Set([...small].flatMap((type) => reachable(type)))].flatMap(messageFaults),
    ...stuck.map((type) => {
      const cause = 'requires itself, so no message can ever be complete'
      return { file: type.file.proto.name, element: type.typeName, cause }
    }),
  ]
}

type Used = { desc: DescMethod; input: DescMessage; output: DescMessage | undefined }

function methodFaults({ desc: { parent, name }, input, output }: Used): Fault[] {
  const causes: string[] = []
  if (input.typeName === operationType) causes.push(`its request is a ${operationType}, which only a response can be`)
  for (const [type, role] of [
    [input, 'request'],
    [output, 'response'],
  ] as const) {
    if (!type) continue
    if (reachable(type).length > maxTypes) causes.push(`its ${role} reaches more than ${maxTypes} message types`)
    if (type.typeName === 'google.protobuf.Any') causes.push(`its ${role} is a google.protobuf.Any`)
  }
  if (output && wellKnownCheck(output) && output.typeName !== 'google.protobuf.Struct') {
    causes.push(`its response ${output.typeName} is no JSON object: put it into a message of its own`)
  }
  return causes.map((cause) => ({ file: parent.file.proto.name, element: `${parent.typeName}.${name}`, cause }))
}

function messageFaults(desc: DescMessage): Fault[] {
  const file = desc.file.proto.name
  const changed = changedWellKnown(desc)
  if (changed !== undefined) return [{ file, element: desc.typeName, cause: changed }]
  if (desc.proto.options?.messageSetWireFormat) {
    return [{ file, element: desc.typeName, cause: 'a message set has no JSON form' }]
  }
  const names = new Map<string, DescField>()
  const byName = new Map(desc.fields.map((field) => [field.name, field]))
  return desc.fields.flatMap((field) => {
    const element = `${desc.typeName}.${field.name}`
    const faults: Fault[] = []
    if (field.message?.typeName === 'google.protobuf.Any') {
      faults.push({
        file,
        element,
        cause: 'a model cannot read or fill a google.protobuf.Any: use a oneof or a Struct',
      })
    }
    const other = names.get(field.jsonName)
    names.set(field.jsonName, field)
    if (other) faults.push({ file, element, cause: `has the same JSON name as ${other.name}` })
    // JSON may call a field by either of its names.
    const named = byName.get(field.jsonName)
    if (named && named !== field)
      faults.push({ file, element, cause: `has the name of ${named.name} as its JSON name` })
    return faults
  })
}

/** The messages that need another message to be set, which needs … and so on without end. */
function unfillable(types: ReadonlySet<DescMessage>): DescMessage[] {
  const open = new Set(types)
  let before: number
  do {
    before = open.size
    for (const type of open) if (!needs(type).some((needed) => open.has(needed))) open.delete(type)
  } while (open.size < before)
  return [...open]
}

function needs(type: DescMessage): DescMessage[] {
  return type.fields.flatMap((field) => {
    if (field.fieldKind !== 'message') return []
    const required = field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED || requiredOption(field)
    return required ? [field.message] : []
  })
}
