import { once } from 'node:events'
import type { Client, ClientDuplexStream, Metadata, StatusObject } from '@grpc/grpc-js'

/** What a call of several messages says around them. */
export type Exchanged = { headers: Metadata | undefined; trailers: Metadata }

/** A call of any shape over bytes: on the wire they are the same. */
export type Exchange = {
  path: string
  requests: readonly Buffer[]
  /** Called with each message as it comes. */
  take: (message: Buffer) => void
}

/** Sends all requests and takes all messages. Throws what the call ends with, unless that is OK. */
export async function exchange(
  client: Client,
  { path, requests, take }: Exchange,
  metadata: Metadata,
  deadline: number,
  signal: AbortSignal,
): Promise<Exchanged> {
  const same = (bytes: Buffer) => bytes
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(path, same, same, metadata, {
    deadline,
  })
  let headers: Metadata | undefined
  call.on('metadata', (received: Metadata) => {
    headers = received
  })
  const { promise: ended, resolve: end } = Promise.withResolvers<StatusObject>()
  call.on('status', end)
  const cancel = () => call.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  try {
    // What ends the call ends the sending, and is thrown where it is read.
    sendAll(call, requests).catch(() => {})
    for await (const message of call) take(message as Buffer)
    const { metadata: trailers } = await ended
    return { headers, trailers }
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

async function sendAll(call: ClientDuplexStream<Buffer, Buffer>, requests: readonly Buffer[]): Promise<void> {
  for (const request of requests) if (!call.write(request)) await once(call, 'drain')
  call.end()
}
