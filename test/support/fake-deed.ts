import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { ApiKeyServiceService } from '../../gen/deed/v1/api_key_service.ts'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import { ProjectServiceService } from '../../gen/deed/v1/project_service.ts'
import { UsageServiceService } from '../../gen/deed/v1/usage_service.ts'
import { OperationsService } from '../../gen/google/longrunning/operations.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { encodeStatus } from '../../src/errors/status.ts'

/** What was sent to a method. */
export type Received = { path: string; request: unknown; metadata: Metadata }

/** What a method answers, now or later; a DeedError is sent as Deed sends it. */
export type Answers = Readonly<Record<string, (request: never) => unknown>>

export type FakeDeed = AsyncDisposable & { address: string; received: Received[] }

const trailers = {
  'deed-operation': 'operations/1',
  'deed-contract-version': 'contracts/acme.v1.Tickets/versions/3',
  'deed-model': 'local/keywords',
}

/**
 * A server of Deed's own services, of health and of one contract's methods over bytes, that answers as the test says: the
 * keys of `answers` are method names such as `GetContract`, for google.longrunning `Operations/GetOperation`, or paths such as
 * `/acme.v1.Tickets/Triage`. What answers with a stream is a generator. For tests of the command line.
 */
export async function fakeDeed(answers: Answers): Promise<FakeDeed> {
  const server = new Server()
  const received: Received[] = []
  const handle = (path: string, answer: (request: never) => unknown): handleUnaryCall<unknown, unknown> => {
    return async (call, done) => {
      received.push({ path, request: call.request, metadata: call.metadata })
      try {
        done(null, await answer(call.request as never), metadataOf(trailers))
      } catch (error) {
        done(error instanceof DeedError ? toServiceError(error) : { code: status.UNKNOWN, details: String(error) })
      }
    }
  }
  const handleStream = (
    path: string,
    answer: (request: never) => unknown,
  ): handleServerStreamingCall<unknown, unknown> => {
    return async (call) => {
      received.push({ path, request: call.request, metadata: call.metadata })
      try {
        for await (const message of answer(call.request as never) as AsyncIterable<unknown>) call.write(message)
        call.end()
      } catch (error) {
        call.emit('error', error instanceof DeedError ? toServiceError(error) : error)
      }
    }
  }
  const services = [ContractServiceService, OperationServiceService, ApiKeyServiceService, ProjectServiceService]
  for (const service of [...services, UsageServiceService, OperationsService]) {
    const handlers = Object.entries(service).flatMap(([name, { path, responseStream }]) => {
      const short = path.slice(path.lastIndexOf('/') + 1)
      const answer = answers[service === OperationsService ? `Operations/${short}` : short]
      return answer ? [[name, responseStream ? handleStream(path, answer) : handle(path, answer)] as const] : []
    })
    server.addService(service, Object.fromEntries(handlers))
  }
  for (const [path, answer] of Object.entries(answers).filter(([key]) => key.startsWith('/'))) {
    const same = (bytes: Buffer) => bytes
    const shape = { requestStream: false, responseStream: false }
    const codecs = {
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    }
    server.addService({ method: { path, ...shape, ...codecs } }, { method: handle(path, answer) })
  }
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  )
  const address = `127.0.0.1:${await promise}`
  return { address, received, [Symbol.asyncDispose]: async () => server.forceShutdown() }
}

function metadataOf(entries: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value)
  return metadata
}

function toServiceError(error: DeedError): Partial<ServiceError> {
  const metadata = metadataOf(error.code === status.INVALID_ARGUMENT ? {} : trailers)
  metadata.set('grpc-status-details-bin', Buffer.from(encodeStatus(error)))
  return { code: error.code, details: error.message, metadata }
}
