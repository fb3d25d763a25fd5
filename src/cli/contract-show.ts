import type { DescFile } from '@bufbuild/protobuf'
import { ContractVersion } from '../../gen/deed/v1/contract.ts'
import type { Image } from '../contracts/image.ts'
import { printFile } from '../contracts/print.ts'
import type { CommandContext } from './command.ts'
import { fetchNamed } from './contract-image.ts'
import { jsonLine } from './json-line.ts'
import { contractName, versionName } from './names.ts'
import { ownJson } from './own-json.ts'

/** `deed contract show`: a version of a contract as .proto. */
export async function showContract(context: CommandContext, text: string, number?: string): Promise<void> {
  const { connection, output } = context
  const name = contractName(text, number)
  const { version, image } = await fetchNamed(connection, versionName(name))
  const files = filesOf(name.name.replace('contracts/', ''), image)
  if (output.json) {
    const summary = ownJson('deed.v1.ContractVersion', ContractVersion, version)
    output.print(jsonLine({ ...summary, files: files.map((file) => fileJson(file, image)) }))
    return
  }
  for (const [index, file] of files.entries()) {
    output.print(`${index > 0 ? '\n' : ''}// ${file.proto.name}\n${printFile(file, image.registry).trimEnd()}`)
  }
}

/** What every folder may import without having it: see contracts/imports.ts. */
const common = /^(google\/(api|longrunning|protobuf|rpc|type)\/|buf\/validate\/|deed\/v1\/annotations\.proto$)/

/** The file of a service after all that it imports, directly or not, without the common files. */
function filesOf(service: string, image: Image): DescFile[] {
  const found = new Set<DescFile>()
  const visit = (file: DescFile) => {
    if (common.test(file.proto.name) || found.has(file)) return
    for (const imported of file.dependencies) visit(imported)
    found.add(file)
  }
  const desc = image.registry.getService(service)
  if (desc) visit(desc.file)
  return [...found]
}

function fileJson(file: DescFile, image: Image) {
  return {
    name: file.proto.name,
    services: file.services.map(({ typeName }) => typeName),
    messages: file.messages.map(({ typeName }) => typeName),
    enums: file.enums.map(({ typeName }) => typeName),
    source: printFile(file, image.registry),
  }
}
