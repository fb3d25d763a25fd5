import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { CommandContext } from './command.ts'
import type { UnaryMethod } from './connect.ts'
import { Failure } from './failure.ts'
import { jsonLine } from './json-line.ts'

const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const
const serving = 1

/** grpc.health.v1: the name of a service, or nothing for the server as a whole, and the number of its status. */
const check: UnaryMethod<string, number> = {
  path: '/grpc.health.v1.Health/Check',
  requestSerialize: (service) =>
    Buffer.from(new BinaryWriter().tag(1, WireType.LengthDelimited).string(service).finish()),
  responseDeserialize: (bytes) => {
    const reader = new BinaryReader(bytes)
    let status = 0
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag()
      if (field === 1 && wireType === WireType.Varint) status = reader.int32()
      else reader.skip(wireType, field)
    }
    return status
  },
}

const timeoutMs = 10_000

/** `deed health`: fails unless the service is SERVING. Needs no key. */
export async function health({ connection, output }: CommandContext, service: string): Promise<void> {
  const { response } = await connection.call(check, service, { timeoutMs, withoutKey: true })
  const status = servingStatus[response] ?? String(response)
  output.print(output.json ? jsonLine({ service, status }) : status)
  if (response !== serving)
    throw new Failure(`${service === '' ? 'the server' : service} is not serving`, { json: { status } })
}
