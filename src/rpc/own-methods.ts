import { create, type DescMethod } from '@bufbuild/protobuf'
import type { Server } from '@grpc/grpc-js'
import type { Principal } from '../access/principal.ts'
import { decodeRequest } from '../contracts/codec.ts'
import { ownRegistry } from '../contracts/own-image.ts'
import { validatorOf } from '../contracts/validator.ts'
import { type Interceptor, intercept, principalOf } from './interceptors.ts'
import { unaryDefinition, unaryHandler } from './unary.ts'

type Codec<T> = { encode(message: T): { finish(): Uint8Array }; decode(bytes: Uint8Array): T }
/** What a handler of Deed's own API knows of its caller. */
export type Caller = { principal: Principal; signal: AbortSignal }
type OwnMethod = (bytes: Uint8Array, caller: Caller) => Promise<Uint8Array>

const validator = validatorOf(ownRegistry)

/** A handler between ts-proto's types of its request and response. */
export function ownMethod<Req, Res>(
  request: Codec<Req>,
  response: Codec<Res>,
  handle: (request: Req, caller: Caller) => Promise<Res>,
): OwnMethod {
  return async (bytes, caller) => response.encode(await handle(request.decode(bytes), caller)).finish()
}

/** Serves one of Deed's own services. Each method of the proto must have its handler: a missing one throws here, at start. */
export function addOwnService(
  server: Server,
  chain: readonly Interceptor[],
  name: string,
  methods: Readonly<Record<string, OwnMethod>>,
): void {
  const service = ownRegistry.getService(name)
  if (!service) throw new Error(`gen/deed.binpb has no service ${name}`)
  const served = service.methods.filter((desc) => methods[desc.name])
  const handlers = served.map((desc) => {
    const method = methods[desc.name]
    if (!method) throw new Error(`${name}/${desc.name} has no handler`)
    return [desc.name, unaryHandler(intercept(chain, handlerOf(desc, method)))]
  })
  const paths = served.map((desc) => [desc.name, unaryDefinition(`/${name}/${desc.name}`)])
  server.addService(Object.fromEntries(paths), Object.fromEntries(handlers))
}

/** Requests are validated from their bytes, in this one place, before ts-proto decodes them. */
function handlerOf(desc: DescMethod, method: OwnMethod) {
  validator.validate(desc.input, create(desc.input))
  return async (call: Parameters<ReturnType<typeof intercept>>[0]) => {
    decodeRequest({ input: desc.input, validator }, call.request)
    const { signal } = call
    return { response: await method(call.request, { principal: principalOf(call), signal }) }
  }
}
