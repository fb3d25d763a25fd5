import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
} from '@bufbuild/protobuf'
import type { Validator } from '@bufbuild/protovalidate'
import { commentOf } from './comments.ts'
import type { Image } from './image.ts'
import { type LongRunning, longRunning } from './long-running.ts'
import { isLongRunning, operationInfo } from './operation-info.ts'
import { type Policy, policyOf } from './policy.ts'
import { requestIdField } from './request-id.ts'
import { requestList } from './request-list.ts'
import { validatorOf } from './validator.ts'

/** One rpc of a published contract, with everything that a call of it needs. */
export type Method = {
  /** `acme.support.v1.TicketService` */
  contract: string
  version: number
  /** `TriageTicket` */
  name: string
  /** `/acme.support.v1.TicketService/TriageTicket` */
  path: string
  desc: DescMethod
  /** How its calls look: one message or a stream of them, each way. */
  shape: Shape
  /** What an operation is asked: of a client-streaming method all requests of the call (see request-list.ts). */
  input: DescMessage
  /** What the model fills: of a long-running method not the operation, but what that ends with; of a server-streaming one each item. */
  output: DescMessage
  /** What only a method that is answered with its operation has. */
  longRunning: LongRunning | undefined
  /** For {@link requestId}. */
  requestIdField: DescField | undefined
  registry: FileRegistry
  policy: Policy
  /** What to do, in the contract's words: the comments of service and method, then the options' instructions. */
  instructions: string
  /** Shared by the methods of an image; knows its predefined rules, and has compiled those of this method. */
  validator: Validator
}

export type Shape = DescMethod['methodKind']

/** A version of a contract. `methods` is keyed by the method's name. */
export type Contract = { name: string; version: number; image: Image; methods: ReadonlyMap<string, Method> }

/** Makes the contracts that an image publishes. Compiles their rules, so that no call has to. */
export function loadContracts(image: Image, versionOf: (service: string) => number): Contract[] {
  const validator = validatorOf(image.registry)
  return image.services.map((service) => {
    const version = versionOf(service.typeName)
    const methods = new Map(
      service.methods.map((desc) => [desc.name, loadMethod(desc, version, image.registry, validator)]),
    )
    return { name: service.typeName, version, image, methods }
  })
}

function loadMethod(desc: DescMethod, version: number, registry: FileRegistry, validator: Validator): Method {
  const { parent: service, name, methodKind: shape } = desc
  const { output, metadata } = typesOf(desc, registry)
  const input = shape === 'client_streaming' ? requestList(desc.input) : desc.input
  const policy = policyOf(desc)
  // What comes out of it does not matter: the validator compiles a message's rules when it first meets one.
  for (const type of [input, output]) validator.validate(type, create(type))
  return {
    contract: service.typeName,
    version,
    name,
    path: `/${service.typeName}/${name}`,
    desc,
    shape,
    input,
    output,
    longRunning: metadata && longRunning(metadata),
    requestIdField: requestIdField(input),
    registry,
    policy,
    instructions: instructionsOf(service, desc, policy),
    validator,
  }
}

function typesOf(desc: DescMethod, registry: FileRegistry): { output: DescMessage; metadata: DescMessage | undefined } {
  if (!isLongRunning(desc)) return { output: desc.output, metadata: undefined }
  const { response: output, metadata, causes } = operationInfo(desc, registry)
  // Publishing refuses such a method.
  if (!output || !metadata) throw new Error(`${desc.parent.typeName}.${desc.name} ${causes.join(', ')}`)
  return { output, metadata }
}

function instructionsOf(service: DescService, method: DescMethod, policy: Policy): string {
  return [commentOf(service), commentOf(method), policy.instructions.trim()].filter(Boolean).join('\n\n')
}
