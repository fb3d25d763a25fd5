import { Metadata, type Server, type ServerDuplexStream, type StatusObject, status } from '@grpc/grpc-js'
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService,
} from '../../gen/grpc/reflection/v1/reflection.ts'
import { ownRegistry } from '../contracts/own-image.ts'
import { createAnswerer, type ReflectionView } from './reflection/answerer.ts'

type Call = ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>

/** What anyone sees: the services of Deed's own API with google.longrunning.Operations, health and reflection. */
const publicView: ReflectionView = new Map(
  [...ownRegistry]
    .filter(({ kind, typeName }) => kind === 'service' && /^(?:deed|grpc|google\.longrunning)\./.test(typeName))
    .map(({ typeName }) => [typeName, ownRegistry]),
)

const { serverReflectionInfo } = ServerReflectionService
const reflectionV1Alpha = {
  serverReflectionInfo: {
    ...serverReflectionInfo,
    path: '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
  },
}

/**
 * Adds gRPC server reflection, v1 and v1alpha. `viewOf` is asked once, when a stream starts, for the contracts that its caller
 * may see beside Deed's own services: none when the metadata holds no credentials. A gRPC status that it throws ends the stream.
 *
 * `close` ends every open stream with UNAVAILABLE, and each that starts later: an open one would keep `tryShutdown` waiting.
 */
export function addReflection(
  server: Server,
  viewOf: (metadata: Metadata) => Promise<ReflectionView>,
): { close(): void } {
  const open = new Set<Call>()
  let closed = false

  function end(call: Call, reason: StatusObject): void {
    open.delete(call)
    call.removeAllListeners('data')
    call.emit('error', reason)
  }

  function answer(call: Call, view: ReflectionView): void {
    if (!open.has(call)) return
    const answerTo = createAnswerer(new Map([...view, ...publicView]))
    call.on('data', (request: ServerReflectionRequest) => {
      try {
        if (call.write(answerTo(request))) return
      } catch {
        end(call, failed())
        return
      }
      call.pause()
      call.once('drain', () => call.resume())
    })
    call.on('end', () => call.end())
  }

  function reflect(call: Call): void {
    if (closed) {
      end(call, shuttingDown())
      return
    }
    open.add(call)
    call.once('close', () => open.delete(call))
    viewOf(call.metadata).then(
      (view) => answer(call, view),
      (error: unknown) => open.has(call) && end(call, isStatus(error) ? error : failed()),
    )
  }

  // The two versions differ in nothing but their name.
  server.addService(ServerReflectionService, { serverReflectionInfo: reflect })
  server.addService(reflectionV1Alpha, { serverReflectionInfo: reflect })
  return {
    close() {
      closed = true
      for (const call of open) end(call, shuttingDown())
    },
  }
}

function shuttingDown(): StatusObject {
  return { code: status.UNAVAILABLE, details: 'the server is shutting down', metadata: new Metadata() }
}

function failed(): StatusObject {
  return { code: status.INTERNAL, details: 'reflection failed', metadata: new Metadata() }
}

function isStatus(error: unknown): error is StatusObject {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('details' in error)) return false
  return typeof error.code === 'number' && typeof error.details === 'string'
}
