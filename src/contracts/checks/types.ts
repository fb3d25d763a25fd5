import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt'
import type { Fault } from '../fault.ts'
import type { Image } from '../image.ts'
import { wellKnownCheck } from '../json/well-known.ts'
import { reachable } from '../redact.ts'
import { requiredOption } from './required.ts'
import { changedWellKnown } from './well-known.ts'

/** Codec and validator are compiled by recursion over the types; a longer chain of them could overflow the stack. */
const maxTypes = 1_000

const long = 'google.longrunning.Operation'

/** Every type of every unary method has a JSON form, so that a request can be shown to a model and an answer be filled by one. */
export function typeFaults(image: Image): Fault[] {
  const faults = new Map<string, Fault>()
  const add = (fault: Fault): void => void faults.set(`${fault.element}\n${fault.cause}`, fault)
  for (const method of image.services.flatMap((service) => service.methods)) {
    const at = { file: method.parent.file.proto.name, element: `${method.parent.typeName}.${method.name}` }
    const { input, output } = method
    for (const [type, role] of [
      [input, 'request'],
      [output, 'response'],
    ] as const) {
      if (type.typeName === long) continue
      const types = reachable(type)
      if (types.length > maxTypes) add({ ...at, cause: `its ${role} reaches more than ${maxTypes} message types` })
      else for (const each of types) for (const fault of messageFaults(each)) add(fault)
      if (type.typeName === 'google.protobuf.Any') add({ ...at, cause: `its ${role} is a google.protobuf.Any` })
    }
    if (wellKnownCheck(output) && output.typeName !== 'google.protobuf.Struct') {
      add({ ...at, cause: `its response ${output.typeName} is no JSON object: put it into a message of its own` })
    }
  }
  const reached = new Set(image.services.flatMap(({ methods }) => methods.flatMap(({ output }) => reachable(output))))
  for (const type of unfillable(reached)) {
    add({
      file: type.file.proto.name,
      element: type.typeName,
      cause: 'requires itself, so no message can ever be complete',
    })
  }
  return [...faults.values()]
}

function messageFaults(desc: DescMessage): Fault[] {
  const file = desc.file.proto.name
  const changed = changedWellKnown(desc)
  if (changed !== undefined) return [{ file, element: desc.typeName, cause: changed }]
  if (desc.proto.options?.messageSetWireFormat) {
    return [{ file, element: desc.typeName, cause: 'a message set has no JSON form' }]
  }
  const names = new Map<string, DescField>()
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
