import { type DescMethod, fromBinary, type Registry, toJson } from '@bufbuild/protobuf'
import { remarkOn } from './call-remark.ts'
import type { CommandContext } from './command.ts'
import { misuse } from './failure.ts'
import { span } from './format.ts'
import { jsonLine } from './json-line.ts'
import { encodeRequest, type RequestData } from './request-data.ts'
import { splitRequests } from './request-list.ts'

export type StreamArguments = { path: string; idempotencyKey: string | undefined; timeoutMs: number }

/** Calls a method whose requests or responses are a stream: each message is printed in a line of its own as it comes. */
export async function callStream(
  { connection, output }: CommandContext,
  { desc, registry }: { desc: DescMethod; registry: Registry },
  given: readonly RequestData[],
  { path, idempotencyKey, timeoutMs }: StreamArguments,
): Promise<void> {
  const several = desc.methodKind !== 'server_streaming'
  const data = several ? given.flatMap(splitRequests) : given
  if (!several && data.length !== 1) throw misuse('the method takes one request', 'give -d, --data <request> once')
  const requests = await Promise.all(data.map((each) => encodeRequest(desc.input, each, registry)))
  const progress = output.progress(`waiting for the answer, ${span(timeoutMs)} at the most`)
  try {
    const take = (message: Buffer) => {
      progress[Symbol.dispose]()
      output.print(jsonLine(toJson(desc.output, fromBinary(desc.output, message), { registry })))
    }
    const { headers, trailers } = await connection.exchange({ path, requests, take }, { timeoutMs, idempotencyKey })
    remarkOn(headers ? [trailers, headers] : [trailers], output)
  } finally {
    progress[Symbol.dispose]()
  }
}
