import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fromBinary, toJson } from '@bufbuild/protobuf'
import type { Metadata } from '@grpc/grpc-js'
import type { CommandContext } from './command.ts'
import type { UnaryMethod } from './connect.ts'
import { fetchContract } from './contract-image.ts'
import { Failure } from './failure.ts'
import { methodName } from './names.ts'
import { jsonLine, type Output } from './output.ts'
import { encodeJson } from './request-json.ts'

export type CallArguments = {
  /** `acme.support.v1.TicketService/TriageTicket` */
  method: string
  /** JSON, `@` and the path of a file with it, or `-` for stdin. */
  data: string
  idempotencyKey: string | undefined
  timeoutMs: number
}

/** `deed call`: a method of a published contract, with JSON in and out. */
export async function call({ connection, output }: CommandContext, args: CallArguments): Promise<void> {
  const { service, method } = methodName(args.method)
  const json = await readData(args.data)
  const { image } = await fetchContract(connection, `contracts/${service}`)
  const { registry } = image
  const methods = registry.getService(service)?.methods ?? []
  const desc = methods.find(({ name }) => name === method)
  if (!desc) {
    throw new Failure(`${service} has no method ${method}`, {
      hint: `it has ${methods.map(({ name }) => name).join(', ')}`,
    })
  }
  const { response, trailers } = await connection.call(
    overBytes(`/${service}/${method}`),
    encodeJson(desc.input, json, registry),
    { timeoutMs: args.timeoutMs, idempotencyKey: args.idempotencyKey },
  )
  const answer = toJson(desc.output, fromBinary(desc.output, response), { registry })
  output.print(output.json ? jsonLine(answer) : JSON.stringify(answer, undefined, 2))
  remarkOn(trailers, output)
}

async function readData(data: string): Promise<string> {
  if (data === '-') return text(process.stdin)
  if (!data.startsWith('@')) return data
  const path = data.slice(1)
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error
    throw new Failure(`cannot read ${JSON.stringify(path)}: ${code}`, {}, error)
  }
}

function overBytes(path: string): UnaryMethod<Buffer, Buffer> {
  return { path, requestSerialize: (bytes) => bytes, responseDeserialize: (bytes) => bytes }
}

/** What the server says about its answer: where it is stored, and what made it. */
function remarkOn(trailers: Metadata, output: Output): void {
  const [operation, version, model, replayed] = ['operation', 'contract-version', 'model', 'replayed'].map((name) =>
    trailers.get(`deed-${name}`).map(String).at(0),
  )
  const isReplay = replayed === 'true'
  if (output.json) {
    output.remark(jsonLine({ operation, contractVersion: version, model, replayed: isReplay }))
    return
  }
  const parts = [
    operation,
    version && `version ${version.slice(version.lastIndexOf('/') + 1)}`,
    model,
    isReplay && 'replayed',
  ].filter(Boolean)
  if (parts.length > 0) output.remark(parts.join(' · '))
}
