import type { Client, Metadata } from '@grpc/grpc-js'

/** A method that answers with a stream, as ts-proto generates it. */
export type StreamMethod<Q, S> = {
  path: string
  requestSerialize: (value: Q) => Buffer
  responseDeserialize: (value: Buffer) => S
}

/** The messages of a call, as they are asked for. Throws what the call ends with, unless that is OK. */
export async function* streamed<Q, S>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: StreamMethod<Q, S>,
  request: Q,
  metadata: Metadata,
  signal: AbortSignal,
): AsyncGenerator<S> {
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata)
  const cancel = () => call.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  try {
    for await (const message of call) yield message as S
  } finally {
    signal.removeEventListener('abort', cancel)
    // For one who does not read to the end. What the call ends with after that is nobody's concern.
    call.on('error', () => {}).cancel()
  }
}
