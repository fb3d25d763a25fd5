import { fileURLToPath } from 'node:url'
import { type DescMethod, fromJson, toBinary } from '@bufbuild/protobuf'
import { buildImage } from '../src/cli/build-image.ts'
import { readImage } from '../src/contracts/image.ts'

/** The folder of the contract that is measured: it has rules on both messages. */
const folder = fileURLToPath(new URL('contract', import.meta.url))

/** What is asked, as a generated client takes it. */
export const request = {
  ticketId: 'T-20260131',
  subject: 'Charged twice for the same order',
  body: 'Hello, my card was charged twice for order 4711 on Monday. Please send the second payment back. Urgency: 3.',
  earlierTickets: 3,
}

/** What a model answers. */
export const response = {
  queue: 'QUEUE_BILLING',
  urgency: 3,
  summary:
    'The customer says that the card was charged twice for order 4711 and asks for the second payment to be returned; a bank statement is at hand.',
  labels: ['double charge', 'refund', 'card payment'],
}

/** The response in protobuf's JSON mapping. */
export const answerText = JSON.stringify(response)

/** What both servers are called with. */
export type Ticket = {
  /** The contract's image, to be published. */
  image: Buffer
  /** `/bench.v1.TicketService/TriageTicket` */
  path: string
  /** About 200 bytes each. */
  request: Buffer
  response: Buffer
}

export async function buildTicket(signal: AbortSignal): Promise<Ticket> {
  const build = await buildImage(folder, signal)
  if (build.kind === 'faults') throw new Error(build.faults.map(({ file, cause }) => `${file}: ${cause}`).join('\n'))
  const method = ticketMethod(build.bytes)
  return {
    image: Buffer.from(build.bytes),
    path: `/${method.parent.typeName}/${method.name}`,
    request: Buffer.from(toBinary(method.input, fromJson(method.input, request))),
    response: Buffer.from(toBinary(method.output, fromJson(method.output, response))),
  }
}

function ticketMethod(image: Uint8Array): DescMethod {
  const method = readImage(image).registry.getService('bench.v1.TicketService')?.methods[0]
  if (!method) throw new Error(`${folder} has no TicketService`)
  return method
}
