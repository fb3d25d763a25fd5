import type { DescMethod } from '@bufbuild/protobuf'
import type { Fault } from '../fault.ts'
import type { Image } from '../image.ts'
import { metadataFault } from '../long-running.ts'
import { isLongRunning, operationInfo, operationType } from '../operation-info.ts'
import { reachable } from '../redact.ts'
import { usedTypes } from './used-types.ts'
import { changedOperation, changedWellKnown } from './well-known.ts'

/** Methods that return google.longrunning.Operation say what that ends with, and mean the genuine type. */
export function longRunningFaults(image: Image): Fault[] {
  const { services, registry } = image
  const used = usedTypes(image)
  const methods = services.flatMap((service) => service.methods).filter(isLongRunning)
  // Clients read the type with its option and all that it holds as their own image has them.
  const operation = methods[0]?.output
  const info = registry.getMessage('google.longrunning.OperationInfo')
  const returned = operation ? [...reachable(operation), ...(info ? [info] : [])] : []
  const metadata = methods.flatMap((method) => operationInfo(method, registry).metadata ?? [])
  const changed = [...new Set([...returned, ...metadata.flatMap(reachable)])].flatMap((type) => {
    // What methods use is looked at with the other types.
    const cause = changedOperation(type) ?? (used.has(type) ? undefined : changedWellKnown(type))
    return cause === undefined ? [] : [{ file: type.file.proto.name, element: type.typeName, cause }]
  })
  return [...methods.flatMap((method) => methodFaults(method, registry)), ...changed]
}

function methodFaults(method: DescMethod, registry: Image['registry']): Fault[] {
  const { response, metadata, causes } = operationInfo(method, registry)
  const at = { file: method.parent.file.proto.name, element: `${method.parent.typeName}.${method.name}` }
  const option = '(google.longrunning.operation_info)'
  const wrong = metadata && metadataFault(metadata)
  return [
    ...causes,
    ...(response?.typeName === operationType ? [`${option}.response_type: an operation cannot end with another`] : []),
    ...(wrong === undefined ? [] : [`${option}.metadata_type: ${wrong}`]),
  ].map((cause) => ({ ...at, cause }))
}
