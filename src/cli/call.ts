import { type DescMethod, fromBinary, type Registry, toJson } from '@bufbuild/protobuf'
import type { Metadata } from '@grpc/grpc-js'
import { Operation } from '../../gen/google/longrunning/operations.ts'
import { remarkOn } from './call-remark.ts'
import type { CommandContext } from './command.ts'
import type { Reply, UnaryMethod } from './connect.ts'
import { fetchMethod } from './contract-method.ts'
import { type Failure, misuse } from './failure.ts'
import { span } from './format.ts'
import { jsonLine } from './json-line.ts'
import { methodName } from './names.ts'
import { encodeRequest, type RequestData, readData } from './request-data.ts'

export type CallArguments = {
  /** `acme.support.v1.TicketService/TriageTicket` */
  method: string
  /** Each JSON or YAML, `@` and the path of a file with it, or `-` for stdin. More than one for a method that takes a stream. */
  data: readonly string[]
  /** Ask for the fields instead. */
  interactive: boolean
  idempotencyKey: string | undefined
  /** Wait for the end of what a long-running method starts. */
  wait: boolean
  timeoutMs: number
}

const longRunning = 'google.longrunning.Operation'

/** `deed call`: a method of a published contract, with JSON or YAML in and JSON out. */
export async function call(context: CommandContext, args: CallArguments): Promise<void> {
  const { service, method } = methodName(args.method)
  const { connection, output, signal } = context
  const { data, interactive } = args
  if (interactive === data.length > 0) throw notOne(interactive)
  if (interactive) requireTerminal()
  if (data.includes('-') && process.stdin.isTTY && !output.json)
    output.remark('type the request, and end it with Ctrl-D:')
  const given: RequestData[] = []
  for (const each of data) given.push(await readData(each, signal))
  const published = await fetchMethod(connection, args.method)
  const { desc, registry } = published
  const path = `/${service}/${method}`
  if (desc.methodKind !== 'unary') {
    if (interactive) throw misuse('--interactive asks for one request and one answer', 'give -d, --data <request>')
    const { callStream } = await import('./call-stream.ts')
    return await callStream(context, published, given, { path, ...args })
  }
  const [request, another] = given
  if (another) throw misuse('the method takes one request', 'give -d, --data <request> once')
  const send = (bytes: Buffer) => sendRequest(context, args, path, bytes)
  const { response, trailers } = request
    ? await send(await encodeRequest(desc.input, request, registry))
    : await askAndSend(context, desc, registry, send)
  if (desc.output.typeName === longRunning) return await started(context, args, Operation.decode(response), trailers)
  const answer = toJson(desc.output, fromBinary(desc.output, response), { registry })
  output.print(output.json ? jsonLine(answer) : JSON.stringify(answer, undefined, 2))
  remarkOn([trailers], output)
}

/** What a long-running method answers: its operation, or with `--wait` what that ends with. */
async function started(
  { connection, output, signal }: CommandContext,
  { wait, timeoutMs }: CallArguments,
  operation: Operation,
  trailers: Metadata,
): Promise<void> {
  const { name } = operation
  const [{ operationViewer, viewJson }, { printEnd, waitForEnd }] = await Promise.all([
    import('./operation-view.ts'),
    import('./operation-wait.ts'),
  ])
  const view = operationViewer(connection)
  if (!wait) {
    output.print(output.json ? jsonLine(viewJson(await view(operation))) : name)
    const isReplay = trailers.get('deed-replayed').map(String).includes('true')
    const made = isReplay ? 'an earlier call with this key made it; ' : ''
    if (!output.json) output.remark(`${made}"npx deed operation wait ${name}" waits for its end`)
    return
  }
  using progress = output.progress(`waiting for ${name}, ${span(timeoutMs)} at the most`)
  const persistence = { signal, patienceMs: timeoutMs }
  const ended = operation.done ? operation : await waitForEnd(connection, name, timeoutMs, persistence)
  const seen = await view(ended)
  progress[Symbol.dispose]()
  printEnd(seen, output)
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

function overBytes(path: string): UnaryMethod<Buffer, Buffer> {
  return { path, requestSerialize: (bytes) => bytes, responseDeserialize: (bytes) => bytes }
}
