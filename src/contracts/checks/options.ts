import {
  type DescField,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
  type Message,
} from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import type { Fault } from '../fault.ts'
import type { Image } from '../image.ts'
import { ownOption, ownRegistry } from '../own-image.ts'
import { hasSingleResponse, policyMessage, statedPolicy } from '../policy.ts'
import { validatorOf } from '../validator.ts'
import { validateMessage } from '../violations.ts'
import { usedTypes } from './used-types.ts'

const validator = validatorOf(ownRegistry)
const fieldOption = ownOption('deed.v1.field')

/** What `deed.v1` options say keeps their own rules, and is all known to this Deed. */
export function optionFaults(image: Image): Fault[] {
  const { services } = image
  const methods = services.flatMap((service) => service.methods)
  return [
    ...services.flatMap((service) => policyFaults(service, service, service.typeName)),
    ...methods.flatMap((method) => policyFaults(method, method.parent, `${method.parent.typeName}.${method.name}`)),
    ...[...usedTypes(image)].flatMap((type) => type.fields.flatMap(guidanceFaults)),
  ]
}

function policyFaults(desc: DescMethod | DescService, { file }: DescService, element: string): Fault[] {
  const message = policyMessage(desc)
  if (!message) return []
  const option = desc.kind === 'rpc' ? 'deed.v1.method' : 'deed.v1.service'
  const causes = messageCauses(option, message)
  const { timeoutMs = Number.POSITIVE_INFINITY, attemptTimeoutMs = 0, queueTimeoutMs = 0 } = statedPolicy(desc)
  if (attemptTimeoutMs > timeoutMs) causes.push(`(${option}).attempt_timeout: must not be longer than timeout`)
  if (queueTimeoutMs > timeoutMs) causes.push(`(${option}).queue_timeout: must not be longer than timeout`)
  if (desc.kind === 'rpc' && message.cacheTtl !== undefined && !hasSingleResponse(desc)) {
    causes.push(`(${option}).cache_ttl: only for methods with a single response`)
  }
  if (desc.kind === 'service' && message.examples.length > 0)
    causes.push(`(${option}).examples: belong to a method, since each has messages of its own`)
  return causes.map((cause) => ({ file: file.proto.name, element, cause }))
}

function guidanceFaults(field: DescField): Fault[] {
  if (!hasOption(field, fieldOption)) return []
  const causes = messageCauses('deed.v1.field', getOption(field, fieldOption) as Message)
  const element = `${field.parent.typeName}.${field.name}`
  return causes.map((cause) => ({ file: field.parent.file.proto.name, element, cause }))
}

function messageCauses(option: 'deed.v1.service' | 'deed.v1.method' | 'deed.v1.field', message: Message): string[] {
  const desc = ownOption(option).message
  if (!desc) throw new Error(`${option} is not a message`)
  const violations = validateMessage(validator, desc, message)
  return [
    ...violations.map(({ field, description }) => `(${option})${field === '' ? '' : `.${field}`}: ${description}`),
    ...unknownNumbers(reflect(desc, message)).map((no) => `(${option}): this Deed does not know its field ${no}`),
  ]
}

/** Fields of an option that a newer Deed knows: ignoring them would be to do something else than was asked for. */
function unknownNumbers(message: ReflectMessage): number[] {
  return [...new Set(message.getUnknown()?.map(({ no }) => no))]
}
