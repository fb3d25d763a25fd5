import { type DescFile, type FileRegistry, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { status } from '@grpc/grpc-js'
import { extensionNumbers, fileOfExtension, fileOfSymbol, scopeOf, withImports } from './find.ts'

/** The services that a caller may see, each with the registry of its contract. */
export type ReflectionView = ReadonlyMap<string, FileRegistry>

/** A grpc.reflection.v1.ServerReflectionRequest; without `messageRequest` when it asks for nothing that is known. */
export type ReflectionRequest = { host: string } & (
  | { messageRequest: 'listServices'; listServices: string }
  | { messageRequest: 'fileByFilename'; fileByFilename: string }
  | { messageRequest: 'fileContainingSymbol'; fileContainingSymbol: string }
  | {
      messageRequest: 'fileContainingExtension'
      fileContainingExtension: { containingType: string; extensionNumber: number }
    }
  | { messageRequest: 'allExtensionNumbersOfType'; allExtensionNumbersOfType: string }
  | { messageRequest?: undefined }
)

type Reply =
  | { listServicesResponse: { service: { name: string }[] } }
  | { fileDescriptorResponse: { fileDescriptorProto: Uint8Array[] } }
  | { allExtensionNumbersResponse: { baseTypeName: string; extensionNumber: number[] } }
  | { errorResponse: { errorCode: status; errorMessage: string } }

/** A grpc.reflection.v1.ServerReflectionResponse. */
export type ReflectionResponse = Reply & { validHost: string; originalRequest: ReflectionRequest }

/**
 * Answers the requests of one stream. Contracts of one project may hold different files of one name, so a service is looked up
 * in its own contract, what is asked for next in the same contract first, and a file goes out with all that it imports: a
 * client never has to ask for an import by a name that could mean another file.
 */
export function createAnswerer(view: ReflectionView): (request: ReflectionRequest) => ReflectionResponse {
  const registries = new Set(view.values())
  const sent = new Map<string, Uint8Array>()
  let current: FileRegistry | undefined

  function reply(request: ReflectionRequest): Reply {
    switch (request.messageRequest) {
      case 'listServices':
        return { listServicesResponse: { service: [...view.keys()].toSorted().map((name) => ({ name })) } }
      case 'fileByFilename':
        return send((registry) => registry.getFile(request.fileByFilename), current)
      case 'fileContainingSymbol': {
        const symbol = request.fileContainingSymbol
        const own = view.get(symbol) ?? view.get(scopeOf(symbol))
        return send((registry) => fileOfSymbol(registry, symbol), own ?? current)
      }
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = request.fileContainingExtension
        return send((registry) => fileOfExtension(registry, containingType, extensionNumber), current)
      }
      case 'allExtensionNumbersOfType':
        return numbers(request.allExtensionNumbersOfType)
      default:
        return failure(status.INVALID_ARGUMENT, 'the request asks for nothing that this server knows')
    }
  }

  function send(find: (registry: FileRegistry) => DescFile | undefined, first: FileRegistry | undefined): Reply {
    for (const registry of first ? [first, ...registries] : registries) {
      const file = find(registry)
      if (!file) continue
      current = registry
      return { fileDescriptorResponse: { fileDescriptorProto: unsent(file) } }
    }
    return failure(status.NOT_FOUND, 'there is no such file, symbol or extension here')
  }

  /** What was asked for goes out again, its imports only when this stream did not have them yet. */
  function unsent(asked: DescFile): Uint8Array[] {
    const files = withImports(asked).map((file) => ({ file, bytes: bytesOf(file) }))
    const fresh = files.filter(({ file, bytes }) => {
      const before = sent.get(file.proto.name)
      return file === asked || !before || Buffer.compare(before, bytes) !== 0
    })
    for (const { file, bytes } of fresh) sent.set(file.proto.name, bytes)
    return fresh.map(({ bytes }) => bytes)
  }

  function numbers(message: string): Reply {
    const known = [...registries].filter((registry) => registry.getMessage(message))
    if (known.length === 0) return failure(status.NOT_FOUND, 'there is no such message here')
    const extensionNumber = [...new Set(known.flatMap((registry) => extensionNumbers(registry, message)))]
    return { allExtensionNumbersResponse: { baseTypeName: message, extensionNumber } }
  }

  return (request) => ({ validHost: request.host, originalRequest: request, ...reply(request) })
}

function failure(errorCode: status, errorMessage: string): Reply {
  return { errorResponse: { errorCode, errorMessage } }
}

const encoded = new WeakMap<DescFile, Uint8Array>()

/** A file as it was published, comments included. */
function bytesOf(file: DescFile): Uint8Array {
  const known = encoded.get(file)
  if (known) return known
  const bytes = toBinary(FileDescriptorProtoSchema, file.proto)
  encoded.set(file, bytes)
  return bytes
}
