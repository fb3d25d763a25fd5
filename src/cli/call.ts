import { createRegistry, type DescMethod, fromBinary, type Registry, toJson } from '@bufbuild/protobuf'
import type { Metadata } from '@grpc/grpc-js'
import { ownRegistry } from '../contracts/own-image.ts'
import type { CommandContext } from './command.ts'
import type { Reply, UnaryMethod } from './connect.ts'
import { fetchNamed } from './contract-image.ts'
import { Failure, misuse } from './failure.ts'
import { span } from './format.ts'
import { jsonLine } from './json-line.ts'
import { methodName } from './names.ts'
import type { Output } from './output.ts'
import { encodeRequest, readData } from './request-data.ts'
import { nearest } from './text.ts'

export type CallArguments = {
  /** `acme.support.v1.TicketService/TriageTicket` */
  method: string
  /** JSON or YAML, `@` and the path of a file with it, or `-` for stdin. */
  data: string | undefined
  /** Ask for the fields instead. */
  interactive: boolean
  idempotencyKey: string | undefined
  timeoutMs: number
}

/** `deed call`: a method of a published contract, with JSON or YAML in and JSON out. */
export async function call(context: CommandContext, args: CallArguments): Promise<void> {
  const { service, method } = methodName(args.method)
  const { connection, output, signal } = context
  const { data, interactive } = args
  if (interactive === (data !== undefined)) throw notOne(interactive)
  if (interactive) requireTerminal()
  if (data === '-' && process.stdin.isTTY && !output.json) output.remark('type the request, and end it with Ctrl-D:')
  const given = data === undefined ? undefined : await readData(data, signal)
  const { image } = await fetchNamed(connection, `contracts/${service}`)
  const { registry } = image
  const desc = findMethod(service, method, registry.getService(service)?.methods ?? [])
  const send = (bytes: Buffer) => sendRequest(context, args, `/${service}/${method}`, bytes)
  const { response, trailers } = given
    ? await send(await encodeRequest(desc.input, given, registry))
    : await askAndSend(context, desc, registry, send)
  // An operation has an Any with metadata of Deed's own, which no contract has to import.
  const known = createRegistry(ownRegistry, registry)
  const answer = toJson(desc.output, fromBinary(desc.output, response), { registry: known })
  output.print(output.json ? jsonLine(answer) : JSON.stringify(answer, undefined, 2))
  remarkOn(trailers, output)
}

function notOne(interactive: boolean): Failure {
  const hint = `-d '{"name": "value"}', -d @request.yaml, -d - for stdin, or --interactive to be asked`
  const message = 'give the request with -d, --data <request>'
  return misuse(interactive ? `${message} or be asked for it with --interactive, not both` : message, hint)
}

function requireTerminal(): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw misuse('--interactive needs a terminal to ask on', 'give the request with -d, --data <request>')
}

async function askAndSend(
  { output, signal }: CommandContext,
  desc: DescMethod,
  registry: Registry,
  send: (bytes: Buffer) => Promise<Reply<Buffer>>,
): Promise<Reply<Buffer>> {
  const { askUntilTaken } = await import('./ask.ts')
  return askUntilTaken({ desc: desc.input, registry, output, signal }, send)
}

async function sendRequest(
  { connection, output }: CommandContext,
  { timeoutMs, idempotencyKey }: CallArguments,
  path: string,
  bytes: Buffer,
): Promise<Reply<Buffer>> {
  using _progress = output.progress(`waiting for the answer, ${span(timeoutMs)} at the most`)
  return await connection.call(overBytes(path), bytes, { timeoutMs, idempotencyKey })
}

function findMethod(service: string, method: string, methods: readonly DescMethod[]): DescMethod {
  const names = methods.map(({ name }) => name)
  const found = methods.find(({ name }) => name === method)
  if (found) return found
  const meant = nearest(method, names)
  const hint = meant === undefined ? `it has ${names.join(', ')}` : `did you mean ${service}/${meant}?`
  throw new Failure(`${service} has no method ${method}`, { hint })
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
