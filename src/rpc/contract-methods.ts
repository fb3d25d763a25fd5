import { type Server, status } from '@grpc/grpc-js'
import type { LiveContracts } from '../contracts/live.ts'
import type { Method } from '../contracts/method.ts'
import { DeedError } from '../errors/deed-error.ts'
import type { DuplexCall, IncomingCall, Trailers, UnaryCall, UnaryReply } from './call.ts'
import { definition } from './definition.ts'
import { duplexHandler } from './duplex.ts'
import { PlainStatus } from './errors.ts'
import { type Interceptor, intercept, principalOf } from './interceptors.ts'
import type { OpenCalls } from './open-calls.ts'
import { bidiStreaming } from './shapes/bidi-streaming.ts'
import { clientStreaming } from './shapes/client-streaming.ts'
import type { ShapeParts } from './shapes/parts.ts'
import { serverStreaming } from './shapes/server-streaming.ts'
import { unary, unaryOverDuplex } from './shapes/unary.ts'
import { unaryHandler } from './unary.ts'

/** How a path is registered: what serves any shape serves unary calls more slowly. */
type Registered = 'unary' | 'any'

export type ContractMethodsParts = ShapeParts & {
  contracts: LiveContracts
  chain: readonly Interceptor[]
  open: OpenCalls
}

/**
 * Serves the methods of published contracts. A path is registered while any project has it; which contract answers, and in which
 * shape, is the caller's project's to say.
 */
export class ContractMethods {
  readonly #server: Server
  readonly #parts: ContractMethodsParts
  /** By service, the methods that are registered. */
  readonly #registered = new Map<string, ReadonlyMap<string, Registered>>()

  constructor(server: Server, parts: ContractMethodsParts) {
    this.#server = server
    this.#parts = parts
  }

  /** Brings the registered paths of these services up to what is published, without a gap for paths that stay. */
  update(services: readonly string[]): void {
    for (const service of services) {
      const wanted = this.#wanted(service)
      const present = this.#registered.get(service) ?? new Map<string, Registered>()
      const gone = [...present].filter(([method, as]) => wanted.get(method) !== as)
      const added = [...wanted].filter(([method, as]) => present.get(method) !== as)
      if (gone.length > 0) this.#server.removeService(definitions(service, gone))
      if (added.length > 0) this.#server.addService(definitions(service, added), this.#handlers(service, added))
      if (wanted.size > 0) this.#registered.set(service, wanted)
      else this.#registered.delete(service)
    }
  }

  #wanted(service: string): ReadonlyMap<string, Registered> {
    const wanted = new Map<string, Registered>()
    for (const { methods } of this.#parts.contracts.named(service)) {
      for (const { name, shape } of methods.values()) {
        wanted.set(name, shape === 'unary' && wanted.get(name) !== 'any' ? 'unary' : 'any')
      }
    }
    return wanted
  }

  #handlers(service: string, methods: readonly (readonly [string, Registered])[]) {
    const { chain, open } = this.#parts
    return Object.fromEntries(
      methods.map(([name, as]) => [
        name,
        as === 'unary'
          ? unaryHandler(intercept(chain, (call: UnaryCall) => this.#unary(call, service, name)))
          : duplexHandler(
              intercept(chain, (call: DuplexCall) => this.#any(call, service, name)),
              open,
            ),
      ]),
    )
  }

  async #unary(call: UnaryCall, service: string, name: string): Promise<UnaryReply> {
    const method = this.#method(call, service, name)
    if (method.shape === 'unary') return unary(this.#parts, call, method, call.request)
    // A version of another shape was activated in this moment.
    const message = 'another version of the contract is being activated; send the call again'
    throw new DeedError(status.ABORTED, 'CONTRACT_CONTENDED', message, { retryDelayMs: 100 })
  }

  async #any(call: DuplexCall, service: string, name: string): Promise<Trailers> {
    const method = this.#method(call, service, name)
    switch (method.shape) {
      case 'unary':
        return unaryOverDuplex(this.#parts, call, method)
      case 'server_streaming':
        return serverStreaming(this.#parts, call, method)
      case 'client_streaming':
        return clientStreaming(this.#parts, call, method)
      case 'bidi_streaming':
        return bidiStreaming(this.#parts, call, method)
    }
  }

  #method(call: IncomingCall, service: string, name: string): Method {
    const method = this.#parts.contracts.get(principalOf(call).projectId, service)?.methods.get(name)
    if (method) return method
    // grpc-js's own words: to this caller the path does not exist.
    throw new PlainStatus(status.UNIMPLEMENTED, `The server does not implement the method ${call.path}`)
  }
}

function definitions(service: string, methods: readonly (readonly [string, Registered])[]) {
  return Object.fromEntries(
    methods.map(([method, as]) => {
      const streams = as === 'any'
      return [method, definition(`/${service}/${method}`, { requestStream: streams, responseStream: streams })]
    }),
  )
}
