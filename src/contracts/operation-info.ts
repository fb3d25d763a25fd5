import { type DescMessage, type DescMethod, type FileRegistry, getOption, hasOption } from '@bufbuild/protobuf'
import { ownMessage, ownOption, ownRegistry } from './own-image.ts'
import { messageCalled, resolveType } from './resolve-type.ts'

/** What `option (google.longrunning.operation_info)` says, its types resolved. Either is missing when there is a cause. */
export type OperationInfo = {
  response: DescMessage | undefined
  metadata: DescMessage | undefined
  /** What is wrong with it, and what to write. */
  causes: readonly string[]
}

export const operationType = 'google.longrunning.Operation'

const option = ownOption('google.longrunning.operation_info')
const ownMetadata = ownMessage('deed.v1.OperationMetadata')

/** Whether a method is answered with its operation, as soon as that is committed. */
export function isLongRunning({ methodKind, output }: DescMethod): boolean {
  return methodKind === 'unary' && output.typeName === operationType
}

/** What the model fills for a method. Undefined for an operation of which it is not known what it ends with. */
export function responseOf(method: DescMethod, registry: FileRegistry): DescMessage | undefined {
  if (method.output.typeName !== operationType) return method.output
  return isLongRunning(method) ? operationInfo(method, registry).response : undefined
}

const infos = new WeakMap<DescMethod, OperationInfo>()

/** The types of a long-running method of a registry. What is said of its operations is Deed's own unless the option names another. */
export function operationInfo(method: DescMethod, registry: FileRegistry): OperationInfo {
  let info = infos.get(method)
  if (!info) {
    info = resolveInfo(method, registry)
    infos.set(method, info)
  }
  return info
}

function resolveInfo(method: DescMethod, registry: FileRegistry): OperationInfo {
  const said = readOption(method)
  const example = `option (${option.typeName}) = { response_type: "${method.name}Response" }`
  if (!said) return { response: undefined, metadata: undefined, causes: [`does not say what it ends with: ${example}`] }
  const scope = method.parent.file.proto.package
  const causes: string[] = []
  const find = (field: string, name: string): DescMessage | undefined => {
    const found = resolveType(registry, name, scope) ?? known(name)
    if (found?.kind === 'message') return found
    const meant = messageCalled(registry, name)
    const wrong = found ? `${found.typeName} is no message` : `there is no message ${name} in the image`
    const advice = meant === undefined ? 'name a message of the image' : `did you mean "${meant}"?`
    causes.push(`(${option.typeName}).${field}: ${wrong}: ${advice}`)
    return undefined
  }
  const { responseType, metadataType } = said
  if (responseType === '') causes.push(`(${option.typeName}).response_type: is required: ${example}`)
  const response = responseType === '' ? undefined : find('response_type', responseType)
  const metadata = metadataType === '' ? ownMetadata : find('metadata_type', metadataType)
  return { response, metadata, causes }
}

/** Decoded with Deed's own descriptors, whatever the image brings along. What does not decode says nothing. */
function readOption(method: DescMethod): { responseType: string; metadataType: string } | undefined {
  try {
    if (!hasOption(method, option)) return undefined
    return getOption(method, option) as unknown as { responseType: string; metadataType: string }
  } catch {
    return undefined
  }
}

/** What may be named though the image does not import it. */
function known(name: string): DescMessage | undefined {
  const full = name.replace(/^\./, '')
  if (full === ownMetadata.typeName || full.startsWith('google.protobuf.')) return ownRegistry.getMessage(full)
  return undefined
}
