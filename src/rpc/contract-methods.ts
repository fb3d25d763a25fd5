import { type Server, status } from '@grpc/grpc-js'
import { Operation } from '../../gen/google/longrunning/operations.ts'
import { decodeRequest } from '../contracts/codec.ts'
import type { LiveContracts } from '../contracts/live.ts'
import { requestId } from '../contracts/request-id.ts'
import type { Call } from '../operations/call.ts'
import type { Operations } from '../operations/operations.ts'
import type { UnaryCall, UnaryReply } from './call.ts'
import { definition } from './definition.ts'
import { PlainStatus, StoredError } from './errors.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { type Interceptor, intercept, principalOf } from './interceptors.ts'
import type { Standing } from './long-running.ts'
import type { Submitter } from './submit/submitter.ts'
import { unaryHandler } from './unary.ts'

/**
 * Serves the methods of published contracts. A path is registered while any project has it; which contract answers is the
 * caller's project's to say.
 */
export class ContractMethods {
  readonly #server: Server
  readonly #contracts: LiveContracts
  readonly #operations: Operations
  readonly #submitter: Submitter
  readonly #chain: readonly Interceptor[]
  /** By service, the methods that are registered. */
  readonly #registered = new Map<string, readonly string[]>()

  constructor(
    server: Server,
    contracts: LiveContracts,
    operations: Operations,
    submitter: Submitter,
    chain: readonly Interceptor[],
  ) {
    this.#server = server
    this.#contracts = contracts
    this.#operations = operations
    this.#submitter = submitter
    this.#chain = chain
  }

  /** Brings the registered paths of these services up to what is published, without a gap for paths that stay. */
  update(services: readonly string[]): void {
    for (const service of services) {
      const wanted = new Set(this.#contracts.named(service).flatMap((contract) => [...contract.methods.keys()]))
      const present = this.#registered.get(service) ?? []
      const gone = present.filter((method) => !wanted.has(method))
      const added = [...wanted].filter((method) => !present.includes(method))
      if (gone.length > 0) this.#server.removeService(definitions(service, gone))
      if (added.length > 0) this.#server.addService(definitions(service, added), this.#handlers(service, added))
      if (wanted.size > 0) this.#registered.set(service, [...wanted])
      else this.#registered.delete(service)
    }
  }

  #handlers(service: string, methods: readonly string[]) {
    const handle = (method: string) => (call: UnaryCall) => this.#answer(call, service, method)
    return Object.fromEntries(methods.map((method) => [method, unaryHandler(intercept(this.#chain, handle(method)))]))
  }

  async #answer(call: UnaryCall, service: string, name: string): Promise<UnaryReply> {
    const { projectId, keyId } = principalOf(call)
    const method = this.#contracts.get(projectId, service)?.methods.get(name)
    // grpc-js's own words: to this caller the path does not exist.
    if (!method) throw new PlainStatus(status.UNIMPLEMENTED, `The server does not implement the method ${call.path}`)
    const message = decodeRequest(method, call.request)
    const key = idempotencyKey(call.metadata, { request_id: requestId(method, message) })
    const { request, context, signal } = call
    const accepted = { projectId, method, message, request, key, apiKeyId: keyId, context, signal }
    return method.longRunning ? this.#submit(accepted) : this.#call(accepted)
  }

  /** Answers when the operation has ended. */
  async #call(call: Call): Promise<UnaryReply> {
    const { operationId, version, model, cachedFrom, replayed, code, response } = await this.#operations.call(call)
    const { contract } = call.method
    const trailers = trailersOf({ id: operationId, contract, version, model, cachedFrom }, replayed)
    if (code !== 0) throw new StoredError(response, trailers)
    return { response, trailers }
  }

  /** Answers with the operation as soon as it is committed. */
  async #submit(call: Call): Promise<UnaryReply> {
    const { standing, replayed } = await this.#submitter.submit(call)
    const operation = await this.#submitter.toLongRunning(call.projectId, standing)
    return { response: Operation.encode(operation).finish(), trailers: trailersOf(standing, replayed) }
  }
}

function trailersOf(
  { id, contract, version, model, cachedFrom }: Pick<Standing, 'id' | 'contract' | 'version' | 'model' | 'cachedFrom'>,
  replayed: boolean,
): Record<string, string> {
  return {
    'deed-operation': `operations/${id}`,
    'deed-contract-version': `contracts/${contract}/versions/${version}`,
    ...(model ? { 'deed-model': model } : {}),
    'deed-replayed': String(replayed),
    ...(cachedFrom ? { 'deed-cached-from': `operations/${cachedFrom}` } : {}),
  }
}

function definitions(service: string, methods: readonly string[]) {
  return Object.fromEntries(methods.map((method) => [method, definition(`/${service}/${method}`)]))
}
