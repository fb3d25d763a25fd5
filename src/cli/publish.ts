import type { DescMethod, Registry } from '@bufbuild/protobuf'
import { type ContractMethod, ContractVersion } from '../../gen/deed/v1/contract.ts'
import { ContractServiceService as Service } from '../../gen/deed/v1/contract_service.ts'
import { readImage } from '../contracts/image.ts'
import { buildImage, type Fault, faultLines } from './build-image.ts'
import type { CommandContext } from './command.ts'
import { Failure } from './failure.ts'
import { jsonLine } from './json-line.ts'
import { ownJson } from './own-json.ts'
import { skeleton } from './skeleton.ts'

export type PublishArguments = { path: string; allowBreaking: boolean; validateOnly: boolean }

/** Checks and compiling of a large image take their time. */
const timeoutMs = 120_000

/** `deed publish`: each service of a folder of .proto, or of an image, as the next version of its contract. */
export async function publish(context: CommandContext, args: PublishArguments): Promise<void> {
  const { connection, output, signal } = context
  const { path, allowBreaking, validateOnly } = args
  using progress = output.progress(`building ${path}`)
  const build = await buildImage(path, signal)
  progress.say('checking by the server')
  if (build.kind === 'faults') throw await refuse(context, args, build.faults, build.partial)
  const request = { image: Buffer.from(build.bytes), allowBreaking, validateOnly }
  const { versions } = (await connection.call(Service.publishContract, request, { timeoutMs })).response
  progress[Symbol.dispose]()
  if (output.json) {
    for (const version of versions) output.print(jsonLine(ownJson('deed.v1.ContractVersion', ContractVersion, version)))
    return
  }
  const { registry } = readImage(build.bytes)
  for (const version of versions) {
    output.print(`${validateOnly ? 'would publish' : 'published'} ${serviceOf(version)} version ${version.version}`)
    for (const method of version.methods) output.print(`  ${signature(method, registry)}`)
  }
  const next = validateOnly ? undefined : nextCall(versions, registry)
  if (next !== undefined) output.print(`call it:\n  ${next}`)
}

/** All that is wrong at once: what buf says about some files, and what the server says about the rest. */
async function refuse(
  { connection }: CommandContext,
  { path, allowBreaking }: PublishArguments,
  faults: readonly Fault[],
  partial: Uint8Array | undefined,
): Promise<Failure> {
  const lines = await faultLines(path, faults)
  let hint: string | undefined
  if (partial) {
    try {
      const request = { image: Buffer.from(partial), allowBreaking, validateOnly: true }
      await connection.call(Service.publishContract, request, { timeoutMs })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const { reason } = error.json
      if (reason === 'CONTRACT_INVALID' || reason === 'CONTRACT_BREAKING') lines.push(...error.lines)
      else hint = `the other files could not be checked: ${error.message}`
    }
  }
  const count = lines.length === 1 ? '1 fault' : `${lines.length} faults`
  const violations = lines.map((description) => ({ field: 'image', description }))
  const json = { code: 'INVALID_ARGUMENT', reason: 'CONTRACT_INVALID', violations }
  return new Failure(`nothing was published: ${count}`, { lines, hint, json })
}

/** `Name  Request -> Response`, a stream named as one. */
function signature({ method: path, requestType, responseType }: ContractMethod, registry: Registry): string {
  const method = methodOf(path, registry)
  const streams = (is: boolean | undefined) => (is ? 'stream ' : '')
  const takes = `${streams(method?.proto.clientStreaming)}${requestType}`
  return `${path.slice(path.lastIndexOf('/') + 1)}  ${takes} -> ${streams(method?.proto.serverStreaming)}${responseType}`
}

function methodOf(path: string, registry: Registry): DescMethod | undefined {
  const [service = '', name] = path.split('/')
  return registry.getService(service)?.methods.find((candidate) => candidate.name === name)
}

/** A command that calls the first method, with a request to start from. */
function nextCall(versions: readonly ContractVersion[], registry: Registry): string | undefined {
  const path = versions[0]?.methods[0]?.method
  if (path === undefined) return undefined
  const method = methodOf(path, registry)
  if (!method) return undefined
  const json = JSON.stringify(skeleton(method.input)).replaceAll("'", "'\\''")
  return `npx deed call ${path} -d '${json}'`
}

function serviceOf({ name }: ContractVersion): string {
  return name.replace(/^contracts\//, '').replace(/\/versions\/\d+$/, '')
}
