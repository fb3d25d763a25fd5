import { create, type DescMethod } from '@bufbuild/protobuf'
import type { Server } from '@grpc/grpc-js'
import type { Principal } from '../access/principal.ts'
import { decodeRequest } from '../contracts/codec.ts'
import { ownRegistry } from '../contracts/own-image.ts'
import { validatorOf } from '../contracts/validator.ts'
import type { UnaryCall } from './call.ts'
import { definition } from './definition.ts'
import { type Interceptor, intercept, principalOf } from './interceptors.ts'
import type { OpenCalls } from './open-calls.ts'
import { streamHandler } from './server-stream.ts'
import { unaryHandler } from './unary.ts'

type Codec<T> = { encode(message: T): { finish(): Uint8Array }; decode(bytes: Uint8Array): T }
/** What a handler of Deed's own API knows of its caller. */
export type Caller = Pick<UnaryCall, 'metadata' | 'deadlineMs' | 'signal' | 'context'> & { principal: Principal }
type Send = (message: Uint8Array) => Promise<void>
/** A handler over bytes. */
export type OwnMethod =
  | { shape: 'unary'; handle: (bytes: Uint8Array, caller: Caller) => Promise<Uint8Array> }
  | { shape: 'server stream'; handle: (bytes: Uint8Array, caller: Caller, send: Send) => Promise<void> }

const validator = validatorOf(ownRegistry)

/** A handler between ts-proto's types of its request and response. */
export function ownMethod<Req, Res>(
  request: Codec<Req>,
  response: Codec<Res>,
  handle: (request: Req, caller: Caller) => Promise<Res>,
): OwnMethod {
  return {
    shape: 'unary',
    handle: async (bytes, caller) => response.encode(await handle(request.decode(bytes), caller)).finish(),
  }
}

/** A handler that sends as many responses as it likes; `send` makes it wait for a slow reader. */
export function ownStream<Req, Res>(
  request: Codec<Req>,
  response: Codec<Res>,
  handle: (request: Req, caller: Caller, send: (message: Res) => Promise<void>) => Promise<void>,
): OwnMethod {
  return {
    shape: 'server stream',
    handle: (bytes, caller, send) =>
      handle(request.decode(bytes), caller, (message) => send(response.encode(message).finish())),
  }
}

/** Serves one of Deed's own services. Each method of the proto must have its handler: a missing one throws here, at start. */
export function addOwnService(
  server: Server,
  chain: readonly Interceptor[],
  open: OpenCalls,
  name: string,
  methods: Readonly<Record<string, OwnMethod>>,
): void {
  const service = ownRegistry.getService(name)
  if (!service) throw new Error(`gen/deed.binpb has no service ${name}`)
  const handlers = service.methods.map((desc) => {
    const method = methods[desc.name]
    if (!method) throw new Error(`${name}/${desc.name} has no handler`)
    return [desc.name, handlerOf(desc, method, chain, open)]
  })
  const paths = service.methods.map((desc) => [
    desc.name,
    definition(`/${name}/${desc.name}`, { responseStream: desc.methodKind === 'server_streaming' }),
  ])
  server.addService(Object.fromEntries(paths), Object.fromEntries(handlers))
}

function handlerOf(desc: DescMethod, method: OwnMethod, chain: readonly Interceptor[], open: OpenCalls) {
  validator.validate(desc.input, create(desc.input))
  if ((method.shape === 'unary') !== (desc.methodKind === 'unary')) throw new Error(`${desc} is not ${method.shape}`)
  if (method.shape === 'unary') {
    return unaryHandler(
      intercept(chain, async (call) => ({ response: await method.handle(validated(desc, call), callerOf(call)) })),
    )
  }
  return streamHandler(
    intercept(chain, (call) => method.handle(validated(desc, call), callerOf(call), call.send)),
    open,
  )
}

/** Requests are validated from their bytes, in this one place, before ts-proto decodes them. */
function validated(desc: DescMethod, { request }: UnaryCall): Uint8Array {
  decodeRequest({ input: desc.input, validator }, request)
  return request
}

function callerOf(call: UnaryCall): Caller {
  const { metadata, deadlineMs, signal, context } = call
  return { principal: principalOf(call), metadata, deadlineMs, signal, context }
}
