import type { DescMethod } from '@bufbuild/protobuf'
import type { Image } from './image.ts'
import type { Finding } from './inspect.ts'
import { isLongRunning, operationInfo } from './operation-info.ts'
import { sourceOf } from './print/source.ts'

const parts = [
  { part: 'response', option: 'response_type', rule: 'OPERATION_SAME_RESPONSE_TYPE' },
  { part: 'metadata', option: 'metadata_type', rule: 'OPERATION_SAME_METADATA_TYPE' },
] as const

/**
 * Methods whose operations end with another type than before, or say what they are at in another. Callers unpack these from an Any by
 * the type that they know. buf compares what a method returns, but not what an option says of it.
 */
export function breakingOperations(old: Image, image: Image): Finding[] {
  const methods = old.services.flatMap((service) => service.methods).filter(isLongRunning)
  return methods.flatMap((before) => {
    const service = image.registry.getService(before.parent.typeName)
    const after = service?.methods.find(({ name }) => name === before.name)
    if (!after || !isLongRunning(after)) return []
    const [from, to] = [operationInfo(before, old.registry), operationInfo(after, image.registry)]
    return parts.flatMap(({ part, option, rule }) => {
      const [was, is] = [from[part]?.typeName, to[part]?.typeName]
      if (was === is || was === undefined || is === undefined) return []
      const message = `RPC "${after.name}" on service "${after.parent.name}" changed its ${option} from "${was}" to "${is}".`
      return [{ file: after.parent.file.proto.name, ...lineOf(after), rule, message }]
    })
  })
}

function lineOf({ parent: service, proto }: DescMethod): { line?: number } {
  const { proto: file } = service.file
  const path = [6, file.service.indexOf(service.proto), 2, service.proto.method.indexOf(proto)]
  const line = sourceOf(file)(path)[0]?.span[0]
  return line === undefined ? {} : { line: line + 1 }
}
