import { type Client, type ClientDuplexStream, Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js'
import { CallError, type CallWith } from './call.ts'

type Ended = { trailers: Readonly<Record<string, string>>; error: CallError | undefined }

/** One call of any shape, over bytes. */
export type StreamCall = {
  send(message: Uint8Array): void
  /** All requests were sent. */
  end(): void
  cancel(): void
  /** Of the headers, when they have come. */
  headers: Promise<Readonly<Record<string, string>>>
  /** The next message; undefined when there is none any more. Nothing is read before it is asked for. */
  next(): Promise<Buffer | undefined>
  /** All messages that are still to come. */
  rest(): Promise<Buffer[]>
  /** How it ended. Something must read to the end. */
  ended: Promise<Ended>
}

const same = (bytes: Buffer) => bytes

/** Opens a call of any path and shape: on the wire they are the same. */
export function openStream(client: Client, path: string, how: CallWith = {}): StreamCall {
  const { key, metadata = {}, deadlineMs = 20_000, signal } = how
  const sent = new Metadata()
  for (const [name, values] of Object.entries(metadata)) for (const value of [values].flat()) sent.add(name, value)
  if (key) sent.set('authorization', `Bearer ${key}`)
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(path, same, same, sent, {
    deadline: Date.now() + deadlineMs,
  })
  signal?.addEventListener('abort', () => call.cancel(), { once: true })
  const headers = new Promise<Readonly<Record<string, string>>>((resolve) => {
    call.on('metadata', (received: Metadata) => resolve(textsOf(received)))
  })
  let failure: ServiceError | undefined
  call.on('error', (error: ServiceError) => {
    failure = error
  })
  const ended = new Promise<Ended>((resolve) => {
    call.on('status', (status: StatusObject) => {
      // The error comes just after.
      setImmediate(() =>
        resolve({ trailers: textsOf(status.metadata), error: failure ? new CallError(failure) : undefined }),
      )
    })
  })
  let wake = () => {}
  for (const event of ['readable', 'end', 'error', 'close'] as const) call.on(event, () => wake())
  const next = async (): Promise<Buffer | undefined> => {
    for (;;) {
      const message: Buffer | null = call.read()
      if (message !== null) return message
      if (call.readableEnded || call.destroyed || failure) return undefined
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return {
    send: (message) => void call.write(Buffer.from(message)),
    end: () => void call.end(),
    cancel: () => call.cancel(),
    headers,
    next,
    rest: async () => {
      const messages: Buffer[] = []
      for (let message = await next(); message; message = await next()) messages.push(message)
      return messages
    },
    ended,
  }
}

function textsOf(metadata: Metadata): Record<string, string> {
  const entries = Object.entries(metadata.getMap())
  return Object.fromEntries(entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])))
}
