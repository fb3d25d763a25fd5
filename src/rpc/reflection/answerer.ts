import { type DescFile, type FileRegistry, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { status } from '@grpc/grpc-js'
import type { ServerReflectionRequest, ServerReflectionResponse } from '../../../gen/grpc/reflection/v1/reflection.ts'
import { extensionNumbers, fileOfExtension, fileOfSymbol, scopeOf, withImports } from './find.ts'

/** The services that a caller may see, each with the registry of its contract. */
export type ReflectionView = ReadonlyMap<string, FileRegistry>

type Reply = ServerReflectionResponse['messageResponse']

/**
 * Answers the requests of one stream. Contracts of one project may hold different files of one name, so a service is looked up
 * in its own contract, what is asked for next in the same contract first, and a file goes out with all that it imports: a
 * client never has to ask for an import by a name that could mean another file.
 */
export function createAnswerer(view: ReflectionView): (request: ServerReflectionRequest) => ServerReflectionResponse {
  const registries = new Set(view.values())
  const sent = new Map<string, Buffer>()
  let current: FileRegistry | undefined

  function reply({ messageRequest: asked }: ServerReflectionRequest): Reply {
    switch (asked?.$case) {
      case 'listServices':
        return {
          $case: 'listServicesResponse',
          value: { service: [...view.keys()].toSorted().map((name) => ({ name })) },
        }
      case 'fileByFilename':
        return send((registry) => registry.getFile(asked.value), current)
      case 'fileContainingSymbol':
        return send(
          (registry) => fileOfSymbol(registry, asked.value),
          view.get(asked.value) ?? view.get(scopeOf(asked.value)) ?? current,
        )
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = asked.value
        return send((registry) => fileOfExtension(registry, containingType, extensionNumber), current)
      }
      case 'allExtensionNumbersOfType':
        return numbers(asked.value)
      default:
        return failure(status.INVALID_ARGUMENT, 'the request asks for nothing that this server knows')
    }
  }

  function send(find: (registry: FileRegistry) => DescFile | undefined, first: FileRegistry | undefined): Reply {
    for (const registry of first ? [first, ...registries] : registries) {
      const file = find(registry)
      if (!file) continue
      current = registry
      return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: unsent(file) } }
    }
    return failure(status.NOT_FOUND, 'there is no such file, symbol or extension here')
  }

  /** What was asked for goes out again, its imports only when this stream did not have them yet. */
  function unsent(asked: DescFile): Buffer[] {
    const files = withImports(asked).map((file) => ({ file, bytes: bytesOf(file) }))
    const fresh = files.filter(({ file, bytes }) => file === asked || !sent.get(file.proto.name)?.equals(bytes))
    for (const { file, bytes } of fresh) sent.set(file.proto.name, bytes)
    return fresh.map(({ bytes }) => bytes)
  }

  function numbers(message: string): Reply {
    const known = [...registries].filter((registry) => registry.getMessage(message))
    if (known.length === 0) return failure(status.NOT_FOUND, 'there is no such message here')
    const extensionNumber = [...new Set(known.flatMap((registry) => extensionNumbers(registry, message)))]
    return { $case: 'allExtensionNumbersResponse', value: { baseTypeName: message, extensionNumber } }
  }

  return (request) => ({ validHost: request.host, originalRequest: request, messageResponse: reply(request) })
}

function failure(errorCode: status, errorMessage: string): Reply {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } }
}

const encoded = new WeakMap<DescFile, Buffer>()

/** A file as it was published, comments included. */
function bytesOf(file: DescFile): Buffer {
  const known = encoded.get(file)
  if (known) return known
  const bytes = Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto))
  encoded.set(file, bytes)
  return bytes
}
