import { setTimeout as sleep } from 'node:timers/promises'
import { toBinary } from '@bufbuild/protobuf'
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import type { Operation } from '../../gen/deed/v1/operation.ts'
import { ListOperationsRequest, OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import { Status } from '../../gen/google/rpc/status.ts'
import { readStatus } from '../../src/errors/status-details.ts'
import { compile } from './compile.ts'

/** As SubmitOperation takes it. */
export const echoMethod = 'test.v1.EchoService/Echo'
const path = `/${echoMethod}`
const source = `
syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
// Echoes.
service EchoService {
  // Repeat the text.
  rpc Echo(EchoRequest) returns (EchoResponse) {
    option (deed.v1.method) = {timeout: {seconds: 120} attempt_timeout: {seconds: 60}};
  }
}
message EchoRequest { string text = 1; }
message EchoResponse { string text = 1 [(buf.validate.field).string.min_len = 1]; }
`

/** How a call ended, for the one who made it. */
export type Outcome = {
  code: status
  /** The response's bytes as they came; undefined when `code` is not OK. */
  bytes: Buffer | undefined
  /** `operations/{id}`; undefined when Deed did not say. */
  operation: string | undefined
  replayed: boolean
  reason: string | undefined
  retryAfterSeconds: number | undefined
  /** Milliseconds that the call took. */
  tookMs: number
}

type Unary<Q, S> = {
  path: string
  requestSerialize: (value: Q) => Buffer
  responseDeserialize: (value: Buffer) => S
}

const deadlineMs = 60_000
/** The promise is a second. */
const followMs = 2_000

/** A client of a server that may be down: its calls wait until there is a connection. */
export class DeedClient {
  readonly grpc: Client
  readonly #secret: string

  constructor(address: string, secret: string) {
    this.#secret = secret
    this.grpc = new Client(address, credentials.createInsecure(), {
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 20,
      'grpc.min_reconnect_backoff_ms': 20,
      'grpc.max_reconnect_backoff_ms': 100,
    })
  }

  /** Publishes the contract of {@link echo}. */
  async publish(): Promise<void> {
    const set = await compile({ 'test/v1/echo.proto': source })
    const image = Buffer.from(toBinary(FileDescriptorSetSchema, set))
    await this.#ok(ContractServiceService.publishContract, { image, allowBreaking: false, validateOnly: false })
  }

  /** Resolves when the server follows what was published through another one. */
  async published(): Promise<void> {
    const until = performance.now() + followMs
    const bytes = (value: Buffer) => value
    const method = { path, requestSerialize: bytes, responseDeserialize: bytes }
    // A request that does not decode makes no operation.
    while ((await this.unary(method, Buffer.from([255]))).code !== status.INVALID_ARGUMENT) {
      if (performance.now() > until) throw new Error('the server does not follow')
      await sleep(20)
    }
  }

  /** Calls the published method. Never rejects. */
  async echo(text: string, key?: string): Promise<Outcome> {
    const request = Buffer.from(new BinaryWriter().tag(1, WireType.LengthDelimited).string(text).finish())
    const method = { path, requestSerialize: (bytes: Buffer) => bytes, responseDeserialize: (bytes: Buffer) => bytes }
    const startedAt = performance.now()
    const { code, value, trailers } = await this.unary(method, request, key)
    return {
      code,
      bytes: value,
      operation: trailers.get('deed-operation')[0]?.toString(),
      replayed: trailers.get('deed-replayed')[0] === 'true',
      ...reasonOf(trailers),
      tookMs: performance.now() - startedAt,
    }
  }

  /** Every operation, through all the pages, by name. */
  async list(pageSize = 500): Promise<Map<string, Operation>> {
    const all = new Map<string, Operation>()
    let pageToken = ''
    do {
      const request = ListOperationsRequest.fromPartial({ pageSize, pageToken })
      const page = await this.#ok(OperationServiceService.listOperations, request)
      for (const operation of page.operations) all.set(operation.name, operation)
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    return all
  }

  /** The health of each name, such as `SERVING`. */
  async health(...names: string[]): Promise<string[]> {
    const { Check } = healthService
    if (!Check) throw new Error('grpc-health-check has no Check')
    return Promise.all(names.map(async (service) => statusIn(await this.#ok(Check, { service }))))
  }

  close(): void {
    this.grpc.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #ok<Q, S>(method: Unary<Q, S>, request: Q): Promise<S> {
    const { code, value, message } = await this.unary(method, request)
    if (code !== status.OK || value === undefined) throw new Error(`${method.path}: ${status[code]}: ${message}`)
    return value
  }

  /** Any call. Never rejects. */
  unary<Q, S>(method: Unary<Q, S>, request: Q, key?: string) {
    const metadata = new Metadata({ waitForReady: true })
    metadata.set('authorization', `Bearer ${this.#secret}`)
    if (key !== undefined) metadata.set('idempotency-key', key)
    const { promise, resolve } = Promise.withResolvers<{
      code: status
      message: string
      value: S | undefined
      trailers: Metadata
    }>()
    let value: S | undefined
    const { requestSerialize, responseDeserialize } = method
    const options = { deadline: Date.now() + deadlineMs }
    this.grpc
      .makeUnaryRequest(
        method.path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (_, response) => {
          value = response
        },
      )
      .on('status', ({ code, details, metadata: trailers }) => {
        resolve({ code, message: details, value: code === status.OK ? value : undefined, trailers })
      })
    return promise
  }
}

/** Why a call failed, as the details in its trailers say. */
export function reasonOf(trailers: Metadata): Pick<Outcome, 'reason' | 'retryAfterSeconds'> {
  const details = trailers.get('grpc-status-details-bin')[0]
  const said = Buffer.isBuffer(details) ? readStatus(Status.decode(details)) : undefined
  return { reason: said?.reason, retryAfterSeconds: said?.retryAfterSeconds }
}

/** The text in an echo's response. */
export function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined
  const reader = new BinaryReader(bytes)
  reader.tag()
  return reader.string()
}

/** The status in a response of grpc.health.v1. */
export function statusIn(response: object): string {
  return 'status' in response ? String(response.status) : ''
}
